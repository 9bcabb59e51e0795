import { RE2JS } from 're2js';
import { errorMessage } from '../perfscope-error.ts';

/** Maximum length of a regular expression, in characters. */
export const MAX_PATTERN_LENGTH = 500;
/** Maximum number of RE2 instructions of a compiled regular expression. */
export const MAX_PATTERN_INSTRUCTIONS = 500;
/** Maximum memory of one pattern's state cache, in bytes. The library's default is 8 MB. */
const MAX_STATE_CACHE_BYTES = 128 * 1024;
/** Maximum number of results to keep for each pattern. */
const MAX_CACHED_RESULTS = 500;

/** A compiled regular expression for label values. */
export interface LabelPattern {
  /** Number of RE2 instructions. The time for a test grows with this number. */
  readonly instructions: number;
  /** Returns whether the expression matches the whole text. Recent results are cached. */
  readonly test: (text: string) => boolean;
}

/**
 * Compiles a regular expression with RE2, which runs in linear time. Tenants write these
 * expressions, and the server tests them for each alert, so their length and their size are limited.
 *
 * @throws Error with the reason if the expression is invalid or too large
 */
export function compileLabelPattern(pattern: string): LabelPattern {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new Error(`has a regular expression with more than ${MAX_PATTERN_LENGTH} characters`);
  }
  // Compiling an expression with large repetitions would block the server for up to 0.5 s.
  if (estimateInstructions(pattern) > 4 * MAX_PATTERN_INSTRUCTIONS) throw createSizeError();
  const compiled = compilePattern(pattern);
  const instructions = compiled.programSize();
  if (instructions > MAX_PATTERN_INSTRUCTIONS) throw createSizeError();
  // `compile` has no option for the size of the cache.
  const { dfa } = compiled.re2Input;
  dfa.stateBudget = MAX_STATE_CACHE_BYTES;
  dfa.memBudget = MAX_STATE_CACHE_BYTES;
  const results = new Map<string, boolean>();
  const test = (text: string) => {
    const known = results.get(text);
    if (known !== undefined) return known;
    const matches = compiled.testExact(text);
    if (results.size >= MAX_CACHED_RESULTS) results.clear();
    results.set(text, matches);
    return matches;
  };
  return { instructions, test };
}

/** @throws Error with the reason, without the prefix of the library's message */
function compilePattern(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const reason = errorMessage(error).replace(/^error parsing regexp: /, '');
    throw new Error(`has an invalid regular expression: ${reason}`, { cause: error });
  }
}

function createSizeError(): Error {
  return new Error(
    `has a regular expression that compiles to more than ${MAX_PATTERN_INSTRUCTIONS} instructions; use smaller repetitions or several matchers`,
  );
}

const REPETITION_PATTERN = /\{(\d{1,9})(?:,(\d{0,9}))?\}/y;
const POSIX_CLASS_PATTERN = /\[:[^\]]*?:\]/y;

/**
 * Estimates the size of a compiled expression without compiling it. Each character counts as one
 * instruction, and a repetition multiplies its operand. Some literal texts, such as `\x{10}`, are
 * counted as repetitions, so the estimate can be too high.
 */
export function estimateInstructions(pattern: string): number {
  const outerSizes: number[] = [];
  let size = 0;
  let last = 0;
  const add = (atom: number) => {
    size += atom;
    last = atom;
  };
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i];
    if (char === '\\') {
      const isQuote = pattern[i + 1] === 'Q';
      const end = pattern.indexOf('\\E', i + 2);
      add(1);
      if (!isQuote) i += 1;
      else {
        const quoted = (end < 0 ? pattern.length : end) - i;
        size += quoted;
        i += end < 0 ? quoted : quoted + 1;
      }
    } else if (char === '[') {
      i = findClassEnd(pattern, i);
      add(1);
    } else if (char === '(') {
      outerSizes.push(size);
      size = 2;
    } else if (char === ')') {
      const group = size;
      size = outerSizes.pop() ?? 0;
      add(group);
    } else {
      REPETITION_PATTERN.lastIndex = i;
      const [text, minimum, maximum] = REPETITION_PATTERN.exec(pattern) ?? [];
      if (text === undefined) add(1);
      else {
        const count = Math.max(Number(minimum), Number(maximum ?? 0), 1);
        // Each optional copy needs a separate instruction.
        const repeated = (last + 1) * count;
        size += repeated - last;
        last = repeated;
        i += text.length - 1;
      }
    }
  }
  return outerSizes.reduce((sum, outer) => sum + outer, size);
}

/** Returns the index of the `]` that ends the character class at `start`. */
function findClassEnd(pattern: string, start: number): number {
  let i = start + (pattern[start + 1] === '^' ? 2 : 1);
  // As the first character, `]` is a literal.
  if (pattern[i] === ']') i += 1;
  for (; i < pattern.length && pattern[i] !== ']'; i++) {
    if (pattern[i] === '\\') i += 1;
    else if (pattern[i] === '[') {
      POSIX_CLASS_PATTERN.lastIndex = i;
      i += (POSIX_CLASS_PATTERN.exec(pattern)?.[0].length ?? 1) - 1;
    }
  }
  return i;
}
