import { RE2JS } from 're2js';
import { z } from 'zod';
import { errorMessage } from '../errors.ts';

/** One condition on a label: Alertmanager's `name="value"`, with `=`, `!=`, `=~` or `!~`. */
export interface Matcher {
  /** As it was written. */
  readonly text: string;
  readonly label: string;
  /** A label that is not there is empty. */
  readonly matches: (labels: Readonly<Record<string, string>>) => boolean;
}

const MATCHER_PATTERN = /^\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s]*))\s*$/;

/**
 * Reads a matcher. Patterns must match the whole label, and run in linear time (RE2): tenants write
 * them, and the evaluator runs them for each alert.
 *
 * @throws Error saying what is wrong
 */
export function parseMatcher(text: string): Matcher {
  const parts = MATCHER_PATTERN.exec(text);
  if (!parts) throw new Error('must be such as `severity="warning"` or `service=~"web-.*"`');
  const [, label = '', operator = '', quoted, bare = ''] = parts;
  const value = quoted === undefined ? bare : quoted.replace(/\\(["\\])/g, '$1');
  const test = operator.includes('~')
    ? compilePatternTest(value)
    : (found: string) => found === value;
  const wanted = !operator.startsWith('!');
  return {
    text,
    label,
    matches: (labels) => {
      const found = Object.hasOwn(labels, label) ? (labels[label] ?? '') : '';
      return test(found) === wanted;
    },
  };
}

function compilePatternTest(pattern: string): (text: string) => boolean {
  const compiled = RE2JS.compile(pattern);
  return (text) => compiled.testExact(text);
}

export const matchersSchema = z
  .array(z.string().max(1000), 'must be a list of matchers such as `severity="warning"`')
  .min(1)
  .max(50)
  .transform((texts, ctx) =>
    texts.flatMap((text, i) => {
      try {
        return [parseMatcher(text)];
      } catch (error) {
        const message = `must match: \`${text}\` ${errorMessage(error)}`;
        ctx.issues.push({ code: 'custom', message, input: text, path: [i] });
        return [];
      }
    }),
  );

export function matchesAll(
  matchers: readonly Matcher[],
  labels: Readonly<Record<string, string>>,
): boolean {
  return matchers.every((matcher) => matcher.matches(labels));
}
