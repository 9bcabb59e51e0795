import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkSync } from 'recheck';
import { parseSync, Visitor } from 'rolldown/utils';
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
  [String.raw`/\/server\/(?:index|chunks\/.+)\.mjs$/`, 'URL of a file that the application loads'],
  [
    String.raw`/'(?:[^']|'')*'|"[^"]*"|\bin_(window|scope)\s*\(\s*([\w]*)\s*\)/gi`,
    "statement in the operator's rule file",
  ],
]);
/** Patterns that the automaton can't decide in a minute. `redact.test.ts` runs them on repeated fragments. */
const TOO_COMPLEX: readonly string[] = [
  String.raw`/-----BEGIN (?:[A-Z\d]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z\d ]{1,40}-----|$)/g`,
  String.raw`/^(?:[\w.]{1,64}: )?(?:insert into|replace into|delete from|update [^\s]{1,200} set|select [^\n]* from) [^\n]*/i`,
  '/(?:Invalid|It occurred in the) `[^`\\n]{1,300}` invocation(?::| in\\n[^\\n]*)\\n/g',
];
/** A check takes up to 3 s on an idle machine. The limit only ends the checks of patterns that are too complex. */
const CHECK_TIMEOUT_MS = 60_000;

interface Pattern {
  readonly file: string;
  readonly literal: string;
}

const patterns = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file))
  .flatMap((file): Pattern[] =>
    listLiterals(file, readFileSync(join('src', file), 'utf8')).map((literal) => ({
      file,
      literal,
    })),
  );

/** Returns the regular expressions of a TypeScript file. */
function listLiterals(file: string, text: string): string[] {
  const { program, errors } = parseSync(file, text);
  expect(errors).toEqual([]);
  const literals: string[] = [];
  const visitor = new Visitor({
    Literal: (node) => {
      if ('regex' in node && node.raw !== null) literals.push(node.raw);
    },
  });
  visitor.visit(program);
  return literals;
}

type Verdict = 'linear' | 'super-linear' | 'undecided' | 'unsupported';

/** Checks with an automaton whether the pattern takes more than linear time for some text. */
function classify(literal: string): Verdict {
  const end = literal.lastIndexOf('/');
  const { status, ...result } = checkSync(literal.slice(1, end), literal.slice(end + 1), {
    checker: 'automaton',
    timeout: CHECK_TIMEOUT_MS,
  });
  if (status === 'safe') return 'linear';
  if (status === 'vulnerable') return 'super-linear';
  const isTimeout = 'error' in result && result.error.kind === 'timeout';
  return isTimeout ? 'undecided' : 'unsupported';
}

describe('patterns in the source code', () => {
  it('are found in code and in JSX', () => {
    const text = 'const a = <T,>(b: T) => <p title={/c+/g.source}>1 / 2, {b && 3 / 4}</p>;';
    expect(listLiterals('a.tsx', text)).toEqual(['/c+/g']);
    expect(listLiterals('a.ts', 'const a = [1 / 2, /b/, 3 / 4];')).toEqual(['/b/']);
  });

  it('finds patterns that take quadratic time', () => {
    expect(patterns.length).toBeGreaterThan(100);
    expect(classify('/;+$/')).toBe('super-linear');
    expect(classify(String.raw`/[\w.%+-]+@[\w-]+(?:\.[\w-]+)+/g`)).toBe('super-linear');
    expect(classify('/^;+$/')).toBe('linear');
    expect(classify(String.raw`/(?<!a|bc):\/\/(?!\[)[^\s]*/g`)).toBe('unsupported');
  });

  it('takes linear time, unless the text is short or comes from the operator', () => {
    const literals = new Set(patterns.map(({ literal }) => literal));
    const reviewed = [...ALLOWED.keys(), ...TOO_COMPLEX];
    expect(reviewed.filter((literal) => !literals.has(literal))).toEqual([]);
    const faults = patterns
      .filter(({ literal }) => !reviewed.includes(literal))
      .map((pattern) => ({ ...pattern, verdict: classify(pattern.literal) }))
      .filter(({ verdict }) => verdict === 'super-linear' || verdict === 'undecided');
    expect(faults).toEqual([]);
  });
});
