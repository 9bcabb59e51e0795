import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import jsTokens from 'js-tokens';
import { checkSync } from 'recheck';
import { describe, expect, it } from 'vitest';

/**
 * Patterns that take quadratic time for some text, with the reason why this is not a problem. The
 * text is short, or comes from the operator.
 */
const ALLOWED = new Map([
  ['/ +$/gm', 'text of a table that the command prints'],
  [String.raw`/\/+$/`, 'URL from the settings'],
  [String.raw`/"((?:\\.|[^"\\])*)"/g`, 'NODE_OPTIONS'],
  [
    String.raw`/^\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s]*))\s*$/`,
    'matcher of at most 1,000 characters',
  ],
  ['/ *, */', 'header value of at most 16 kB from QuestDB'],
]);
/** Each check of a pattern stops after this time. Patterns that need more time are not reported. */
const CHECK_TIMEOUT_MS = 1000;

interface Pattern {
  readonly file: string;
  readonly literal: string;
}

const patterns = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file): Pattern[] =>
    [...jsTokens(readFileSync(join('src', file), 'utf8'))]
      .filter(({ type }) => type === 'RegularExpressionLiteral')
      .map(({ value }) => ({ file, literal: value })),
  );

/** Returns whether an automaton proves that the pattern takes more than linear time for some text. */
function isSuperLinear(literal: string, timeout = CHECK_TIMEOUT_MS): boolean {
  const end = literal.lastIndexOf('/');
  const { status } = checkSync(literal.slice(1, end), literal.slice(end + 1), {
    checker: 'automaton',
    timeout,
  });
  return status === 'vulnerable';
}

describe('patterns in the source code', () => {
  it('finds patterns that take quadratic time', () => {
    expect(patterns.length).toBeGreaterThan(100);
    expect(isSuperLinear('/;+$/', 60_000)).toBe(true);
    expect(isSuperLinear(String.raw`/[\w.%+-]+@[\w-]+(?:\.[\w-]+)+/g`, 60_000)).toBe(true);
    expect(isSuperLinear('/^;+$/')).toBe(false);
  });

  it('takes linear time, unless the text is short or comes from the operator', () => {
    const superLinear = patterns.filter(({ literal }) => isSuperLinear(literal));
    expect(superLinear.filter(({ literal }) => !ALLOWED.has(literal))).toEqual([]);
  });
});
