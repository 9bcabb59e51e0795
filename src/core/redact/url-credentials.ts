import type { RedactionRule } from './redaction-rule.ts';

/** Matches the start of a URL up to a port number and the path. */
const HOST_AND_PORT = /^[^/?#@:]*:\d{2,5}(?:[/?#,]|$)/;

/**
 * Rules for the user name and password in a URL. A password can contain an unescaped `@` or `/`,
 * because messages about invalid URLs contain the URL. Each pattern matches as much as it can, even
 * without credentials, so that no text is searched twice.
 */
export const URL_RULES: readonly RedactionRule[] = [
  [/(?:https?|wss?):\/\/(?!\[)[^\s/?#"'`<>]*/gi, redactUserInfo],
  [/(?:https?|wss?):\/\/(?!\[)[^\s/?#@:"'`<>]*:[^\s"'`<>]*/gi, redactUserInfoWithColon],
  // Other schemes, such as `postgres`
  [
    /(?<=[a-z\d])(?<!https?|wss?|file):\/\/(?!\[)[^\s"'`<>]*/gi,
    (rest) => redactUserInfo(redactUserInfoWithColon(rest)),
  ],
];

/** Replaces the text up to the last `@` before the path. */
function redactUserInfo(url: string): string {
  const start = url.indexOf('://') + 3;
  const length = url.slice(start).search(/[/?#]/);
  const end = url.lastIndexOf('@', length < 0 ? url.length : start + length);
  return end < start ? url : `${url.slice(0, start)}[credentials]${url.slice(end)}`;
}

/** Replaces the text up to the last `@` if it starts with a user name and a colon. */
function redactUserInfoWithColon(url: string): string {
  const start = url.indexOf('://') + 3;
  const rest = url.slice(start);
  const end = url.lastIndexOf('@');
  if (end < start || !/^[^/?#@:]*:/.test(rest)) return url;
  if (/^(?:http|ws)/i.test(url) && HOST_AND_PORT.test(rest)) return url;
  return `${url.slice(0, start)}[credentials]${url.slice(end)}`;
}
