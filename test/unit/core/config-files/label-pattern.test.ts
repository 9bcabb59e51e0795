import { RE2JS } from 're2js';
import { describe, expect, it, vi } from 'vitest';
import {
  compileLabelPattern,
  estimateInstructions,
  MAX_PATTERN_INSTRUCTIONS,
  MAX_PATTERN_LENGTH,
} from '../../../../src/core/config-files/label-pattern.ts';
import { parseMatcher } from '../../../../src/core/config-files/matcher.ts';

describe('compileLabelPattern', () => {
  it.each([
    ['web-.*|api-.*', 'web-7', true],
    ['web-.*|api-.*', 'my-web-7', false],
    ['(?i)BOOKING', 'booking', true],
    ['[a-z]{1,20}(\\.[a-z]{1,20}){1,3}', 'shop.example', true],
    ['.{0,100}', 'x'.repeat(101), false],
    [Array.from({ length: 40 }, (_, i) => `service${i}`).join('|'), 'service39', true],
  ])('matches the whole text: %s', (pattern, text, expected) => {
    expect(compileLabelPattern(pattern).test(text)).toBe(expected);
  });

  it.each([
    ['one large repetition', '(.?){999}'],
    ['a repetition without an upper bound', '(abc?){999,}'],
    ['nested repetitions', '((.?){30}){30}'],
    ['deeply nested repetitions', '((((a{10}){10}){10}))'],
    ['many small repetitions', 'a{90}b{90}c{90}d{90}e{90}f{90}'],
    ['a long group that is repeated', `(?:${'a?'.repeat(245)}){1000}`],
    ['a parenthesis in a character class', `(x[(]${'a'.repeat(400)}){900}`],
    ['a named character class', `([[:alpha:])]${'a'.repeat(400)}){900}`],
    ['a bracket as the first character of a class', `([])]${'a'.repeat(400)}){900}`],
    ['a quoted parenthesis', `(\\Q(\\E${'a'.repeat(400)}){900}`],
    ['too many characters', 'a'.repeat(MAX_PATTERN_LENGTH + 1)],
  ])('rejects %s', (_case, pattern) => {
    const compile = vi.spyOn(RE2JS, 'compile');
    expect(() => compileLabelPattern(pattern)).toThrow(/regular expression/);
    // A larger expression would block the server even while it's compiled.
    for (const { value } of compile.mock.results) {
      expect(value.programSize()).toBeLessThan(20 * MAX_PATTERN_INSTRUCTIONS);
    }
    compile.mockRestore();
  });

  it('tests the same text only once', () => {
    const test = vi.spyOn(RE2JS.prototype, 'testExact');
    const pattern = compileLabelPattern('web-.*');
    for (let i = 0; i < 100; i++) expect(pattern.test('web-1')).toBe(true);
    expect(test).toHaveBeenCalledOnce();
    for (let i = 0; i < 5000; i++) expect(pattern.test(`api-${i}`)).toBe(false);
    expect(pattern.test('web-1')).toBe(true);
    test.mockRestore();
  });

  it('keeps few states in memory for any number of texts', () => {
    const compile = vi.spyOn(RE2JS, 'compile');
    const pattern = compileLabelPattern('.*[ab].{75}');
    const [{ value: compiled } = { value: undefined }] = compile.mock.results;
    const { dfa } = (compiled as RE2JS).re2Input;
    compile.mockRestore();
    let seed = 1;
    const nextLetter = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return 'abc'[Math.floor(seed / 65_536) % 3];
    };
    for (let i = 0; i < 300; i++) pattern.test(Array.from({ length: 150 }, nextLetter).join(''));
    expect(dfa.stateCount).toBeLessThan(2000);
  });
});

describe('estimateInstructions', () => {
  it.each([
    'web-.*|api-.*',
    '[a-z]{100}',
    '(a|b|c){200}',
    '((.?){30}){30}',
    '[[:alpha:]{5}]x',
    '[]{5}a]{3}',
    '[^]a)]{40}b',
    '\\Q{100}(\\Ea{3}',
    '(\\)[)]a){50}',
    '\\p{Greek}{20}',
    'x(?:y{2,7}z){9}',
  ])('is at least half of the compiled size: %s', (pattern) => {
    const size = RE2JS.compile(pattern).programSize();
    // RE2 adds two instructions to every program.
    expect(2 * estimateInstructions(pattern)).toBeGreaterThanOrEqual(size - 2);
  });
});

it('a matcher knows the size of its regular expression', () => {
  expect(parseMatcher('service="booking"').instructions).toBe(0);
  expect(parseMatcher('service=~"web-.*"').instructions).toBeGreaterThan(3);
  expect(() => parseMatcher('service!~"(.?){999}"')).toThrow(/500 instructions/);
});
