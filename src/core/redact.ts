import { CREDENTIAL_RULES } from './redact/credential-formats.ts';
import { DATABASE_RULES } from './redact/database-messages.ts';
import { removePrismaSource } from './redact/prisma-messages.ts';
import type { RedactionRule } from './redact/redaction-rule.ts';
import { ASSIGNMENT_RULES } from './redact/secret-assignments.ts';
import { URL_RULES } from './redact/url-credentials.ts';

/** Maximum length of a result, in characters. */
const MAX_LENGTH = 4096;
/**
 * Number of characters after the maximum length that the patterns also see, so that they recognize
 * a secret at the cut.
 */
const OVERLAP = 512;
/** Text after this length is never read. Prisma errors end with the useful sentence. */
const MAX_READ_LENGTH = 65_536;
/** An unrecognized part of a secret is at most this long, unless it contains no spaces. */
const MAX_TOKEN_LENGTH = 1024;

/** A placeholder can replace spaces, so that a pattern matches only in the next pass. */
const MAX_PASSES = 3;
const ELLIPSIS = '…';

/** Half a placeholder, or half a character, at the end of truncated text. */
const CUT_PLACEHOLDER = /\[[a-z ]{0,16}$|[\uD800-\uDBFF]$/;
/** A character of a token without spaces. Delimiters and characters outside ASCII end a token. */
const TOKEN_CHARACTER = /[!#-&*-+\--:=-Z\\^-z|~]/;

/** Colors and other styles of a terminal. */
const TERMINAL_STYLES = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]{0,20}m`, 'g');
/** A private key, up to the end of the text if its last line is missing. */
const PRIVATE_KEY_RULE: RedactionRule = [
  /-----BEGIN (?:[A-Z\d]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z\d ]{1,40}-----|$)/g,
  '[private key]',
];
/** The last part must be letters, so that `express@5.1.0` in a path is not an address. */
const EMAIL_RULE: RedactionRule = [
  /(?<![\p{L}\p{N}_.%+-])[\p{L}\p{N}_.%+-]+(?:@|%40)(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}(?:[\p{L}\p{N}_.%+-]*[\p{L}\p{N}_])?/gu,
  '[email]',
];
/** Rules for email addresses, account numbers, and other long numbers. */
const PERSONAL_DATA_RULES: readonly RedactionRule[] = [
  EMAIL_RULE,
  [/\b[A-Z]{2}\d{2}(?: ?[A-Z\d]{4}){3,7}(?: ?[A-Z\d]{1,3})?\b/g, '[iban]'],
  // Short numbers, such as line numbers and ports, are kept.
  [/\+?\d(?:[ ().-]{0,2}\d){6,}/g, '[number]'],
];
/** All rules, in their order. Later rules don't match the placeholders of earlier rules. */
export const REDACTION_RULES: readonly RedactionRule[] = [
  PRIVATE_KEY_RULE,
  ...DATABASE_RULES,
  // URLs come first, because a password in a URL can contain the text of an assignment.
  ...URL_RULES,
  ...ASSIGNMENT_RULES,
  ...CREDENTIAL_RULES,
  ...PERSONAL_DATA_RULES,
];

/**
 * Replaces email addresses, credentials, tokens, long numbers, and values in database errors with
 * placeholders. Names, file names, and short numbers, such as line numbers and ports, are kept. If
 * the text is too long, the result ends with `…`, before the word at the cut.
 *
 * @param maxLength maximum length of the result, in characters; at most 4096
 */
export function redact(text: string, maxLength: number): string {
  const plainText = removePrismaSource(text.slice(0, MAX_READ_LENGTH).replace(TERMINAL_STYLES, ''));
  return applyRules(plainText, maxLength, REDACTION_RULES);
}

function applyRules(plainText: string, maxLength: number, rules: readonly RedactionRule[]): string {
  const limit = Math.min(maxLength, MAX_LENGTH);
  const isTooLong = plainText.length > limit;
  // An ellipsis at the end is not part of a value. So the function doesn't change its own results.
  const ending = !isTooLong && plainText.endsWith(ELLIPSIS) ? ELLIPSIS : '';
  const visible = plainText.slice(
    0,
    isTooLong ? limit + OVERLAP : plainText.length - ending.length,
  );
  let result: RedactedText = { text: visible, cut: isTooLong ? limit : Number.POSITIVE_INFINITY };
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const before = result.text;
    for (const rule of rules) result = applyRule(result, rule);
    if (result.text === before) break;
  }
  return truncate({ ...result, text: result.text + ending }, limit);
}

/** Rules for values that can be IDs or addresses, such as `10.244.1.123`. */
const ATTRIBUTE_RULES: readonly RedactionRule[] = [
  PRIVATE_KEY_RULE,
  ...URL_RULES,
  ...ASSIGNMENT_RULES,
  ...CREDENTIAL_RULES,
  EMAIL_RULE,
];
/** Text that can match one of these rules. Most values of attributes are short names. */
const POSSIBLE_SECRET = /[@=:%\s]|.{16}/s;

/**
 * Replaces email addresses, credentials, and tokens in the value of an attribute. Unlike `redact`, it keeps numbers,
 * because values of attributes are often IDs and addresses.
 *
 * @param maxLength maximum length of the result, in characters; at most 4096
 */
export function redactAttribute(value: string, maxLength: number): string {
  if (value.length <= maxLength && !POSSIBLE_SECRET.test(value)) return value;
  return applyRules(value.slice(0, MAX_READ_LENGTH), maxLength, ATTRIBUTE_RULES);
}

/**
 * Redacts a stack trace. The frames are kept even if the error message before them is long.
 *
 * @param maxLength maximum length of the result, in characters; at most 4096
 */
export function redactStack(stack: string, maxLength: number): string {
  const limit = Math.min(maxLength, MAX_LENGTH);
  const framesStart = stack.indexOf('\n    at ');
  if (framesStart < 0) return redact(stack, limit);
  const heading = redact(stack.slice(0, framesStart), Math.floor(limit / 2));
  return heading + redact(stack.slice(framesStart), limit - heading.length);
}

/** Text before truncation. The characters from `cut` on must not be shown. */
interface RedactedText {
  readonly text: string;
  readonly cut: number;
}

/** Applies a rule, and moves the cut together with the text before it. */
function applyRule({ text, cut }: RedactedText, [pattern, replacement]: RedactionRule) {
  let shift = 0;
  let newCut: number | undefined;
  const replaced = text.replace(pattern, (match, group, groupOffset) => {
    const hasGroup = typeof group === 'string';
    const offset = hasGroup ? groupOffset : group;
    const end = offset + match.length;
    const result =
      typeof replacement === 'string' ? (hasGroup ? group : '') + replacement : replacement(match);
    if (offset < cut && end > cut) newCut = offset + shift + result.length;
    else if (end <= cut) shift += result.length - match.length;
    return result;
  });
  return { text: replaced, cut: newCut ?? cut + shift };
}

/** Truncates text at its cut, or at `limit` if that position is earlier. */
function truncate({ text, cut }: RedactedText, limit: number): string {
  if (cut === Number.POSITIVE_INFINITY && text.length <= limit) return text;
  const start = text.slice(0, Math.min(cut, Math.max(limit - 1, 0))).replace(CUT_PLACEHOLDER, '');
  const end = start.length;
  const isInsideToken = end > 0 && !isSpace(text.charAt(end)) && !isSpace(text.charAt(end - 1));
  const whole = isInsideToken ? start.slice(0, findTokenStart(start, end)) : start;
  return `${whole.trimEnd()}${ELLIPSIS}`;
}

/**
 * Returns the position after the last space before `end`. In long text without spaces, returns the
 * position after the last delimiter.
 */
function findTokenStart(text: string, end: number): number {
  const minimum = Math.max(end - MAX_TOKEN_LENGTH, 0);
  for (let i = end; i > minimum; i--) if (isSpace(text.charAt(i - 1))) return i;
  for (let i = end; i > 0; i--) if (!TOKEN_CHARACTER.test(text.charAt(i - 1))) return i;
  return 0;
}

function isSpace(character: string): boolean {
  return character.trim() === '';
}
