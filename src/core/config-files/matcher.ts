import { z } from 'zod';
import { errorMessage } from '../perfscope-error.ts';
import { toLabelName } from '../vocabulary.ts';
import { compileLabelPattern } from './label-pattern.ts';

/** A condition on a label, as in Alertmanager: `name="value"`, with `=`, `!=`, `=~`, or `!~`. */
export interface Matcher {
  /** The matcher as the user wrote it. */
  readonly text: string;
  readonly label: string;
  /** Number of RE2 instructions of the regular expression. 0 for `=` and `!=`. */
  readonly instructions: number;
  /** A missing label is treated as an empty label. */
  readonly matches: (labels: Readonly<Record<string, string>>) => boolean;
}

const MATCHER_PATTERN = /^\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s]*))\s*$/;

/**
 * Parses a matcher. A regular expression must match the whole label. It is compiled once, here.
 *
 * @throws Error with the reason if the matcher is invalid
 */
export function parseMatcher(text: string): Matcher {
  const parts = MATCHER_PATTERN.exec(text);
  if (!parts)
    throw new Error('is not a matcher such as `severity="warning"` or `service=~"web-.*"`');
  const [, name = '', operator = '', quoted, unquoted = ''] = parts;
  const expected = quoted === undefined ? unquoted : quoted.replace(/\\(["\\])/g, '$1');
  const { instructions, test } = operator.includes('~')
    ? compileLabelPattern(expected)
    : { instructions: 0, test: (value: string) => value === expected };
  const label = toLabelName(name);
  const mustMatch = !operator.startsWith('!');
  return {
    text,
    label,
    instructions,
    matches: (labels) => {
      const value = Object.hasOwn(labels, label) ? (labels[label] ?? '') : '';
      return test(value) === mustMatch;
    },
  };
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
        const message = `cannot contain \`${text}\`, because it ${errorMessage(error)}`;
        ctx.issues.push({ code: 'custom', message, input: text, path: [i] });
        return [];
      }
    }),
  );

/** Returns whether the labels match every matcher. */
export function matchesAll(
  matchers: readonly Matcher[],
  labels: Readonly<Record<string, string>>,
): boolean {
  return matchers.every((matcher) => matcher.matches(labels));
}
