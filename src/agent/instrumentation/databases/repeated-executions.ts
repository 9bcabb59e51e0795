import { types } from 'node:util';
import { randomBytes } from '../../../core/lazy-crypto.ts';

/** Number of executions in memory. Each needs 12 bytes. */
const SLOT_COUNT = 1 << 14;
const MAX_AGE_S = 60;
/** Maximum length of all texts in the arguments of an execution. Hashing longer texts takes too long. */
const MAX_TEXT_LENGTH = 256;
const MAX_VALUES = 32;

/** A hash of 64 bits, in two parts. */
let low = 0;
let high = 0;
/** Characters that can still be hashed. */
let textBudget = 0;
let valueBudget = 0;

const numberBits = new Float64Array(1);
const numberWords = new Uint32Array(numberBits.buffer);

function addWord(word: number): void {
  const a = Math.imul(low ^ word, 0xcc9e2d51);
  low = (Math.imul((a << 15) | (a >>> 17), 0x1b873593) + high) | 0;
  const b = Math.imul(high ^ word, 0x85ebca6b);
  high = (Math.imul((b << 13) | (b >>> 19), 0xc2b2ae35) + low) | 0;
}

/** Same as {@link addWord} for each two characters, with local variables, which are faster. */
function addText(text: string): void {
  const { length } = text;
  addWord(length);
  let a = low;
  let b = high;
  for (let i = 0; i < length; i += 2) {
    const next = i + 1 < length ? text.charCodeAt(i + 1) : 0;
    const word = text.charCodeAt(i) | (next << 16);
    const x = Math.imul(a ^ word, 0xcc9e2d51);
    a = (Math.imul((x << 15) | (x >>> 17), 0x1b873593) + b) | 0;
    const y = Math.imul(b ^ word, 0x85ebca6b);
    b = (Math.imul((y << 13) | (y >>> 19), 0xc2b2ae35) + a) | 0;
  }
  low = a;
  high = b;
}

/** Adds an argument with its kind. @returns whether the argument has a cheap hash */
function addValue(value: unknown): boolean {
  valueBudget -= 1;
  if (valueBudget < 0) return false;
  switch (typeof value) {
    case 'string':
      textBudget -= value.length;
      if (textBudget < 0) return false;
      addWord(1);
      addText(value);
      return true;
    case 'number':
      addWord(2);
      numberBits[0] = value;
      addWord(numberWords[0]!);
      addWord(numberWords[1]!);
      return true;
    case 'boolean':
      addWord(value ? 3 : 4);
      return true;
    case 'undefined':
      addWord(5);
      return true;
    case 'object':
      return addObject(value);
    default:
      return false;
  }
}

function addObject(value: object | null): boolean {
  if (value === null) {
    addWord(6);
    return true;
  }
  if (Array.isArray(value)) {
    addWord(7);
    addWord(value.length);
    if (value.length > MAX_VALUES) return false;
    for (let i = 0; i < value.length; i++) if (!addValue(value[i])) return false;
    return true;
  }
  if (!types.isDate(value)) return false;
  addWord(8);
  return addValue(Date.prototype.getTime.call(value));
}

/** Hash of a statement's text. */
export interface TextHash {
  readonly low: number;
  readonly high: number;
}

/**
 * Finds executions of a statement that had the same arguments in the last minute. The arguments are compared by a hash of
 * 64 bits with random keys, which never leave this process. The memory is fixed: an execution replaces an earlier one in
 * the same slot. So some repeated executions aren't found.
 */
export class RepeatedExecutions {
  readonly #keys = new Int32Array(new Uint8Array(randomBytes(8)).buffer);
  readonly #low = new Int32Array(SLOT_COUNT);
  readonly #high = new Int32Array(SLOT_COUNT);
  /** Time of each execution in s, plus 1, because 0 is an empty slot. */
  readonly #times = new Uint32Array(SLOT_COUNT);

  /** Returns the hash of a statement's text, which can contain values. */
  hashText(text: string): TextHash {
    low = this.#keys[0]!;
    high = this.#keys[1]!;
    addText(text);
    return { low, high };
  }

  /**
   * Adds an execution.
   *
   * @param values the arguments: an array, or undefined without arguments. Must not have getters that throw.
   * @param nowMs time from `performance.now()`
   * @returns whether the same statement had the same arguments in the last minute. Always false if an argument is long, or
   * a buffer or another object.
   */
  add(text: TextHash, values: unknown, nowMs: number): boolean {
    low = text.low;
    high = text.high;
    textBudget = MAX_TEXT_LENGTH;
    valueBudget = MAX_VALUES;
    if (values !== undefined && values !== null && !addValue(values)) return false;
    addWord(valueBudget);
    addWord(0);
    const slot = low & (SLOT_COUNT - 1);
    const time = Math.floor(nowMs / 1000) + 1;
    const isRepeated =
      this.#low[slot] === low &&
      this.#high[slot] === high &&
      this.#times[slot] !== 0 &&
      time - this.#times[slot]! <= MAX_AGE_S;
    this.#low[slot] = low;
    this.#high[slot] = high;
    this.#times[slot] = time;
    return isRepeated;
  }
}
