import { parseNanos } from '../../../core/otel/unix-nano.ts';
import { OtlpDecodeError } from './otlp-decode-error.ts';

const DECIMAL = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;
const DOUBLE_NAMES: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity']);
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;

/**
 * A message in the JSON mapping of protobuf (https://protobuf.dev/programming-guides/json/), as OTLP changes it. A field
 * that is missing or null has its default, and unknown fields are never read. Methods throw an OtlpDecodeError if a
 * field has another type.
 */
export class JsonMessage {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #parent: JsonMessage | undefined;
  readonly #name: string;
  readonly #index: number | undefined;

  private constructor(value: unknown, parent?: JsonMessage, name = '', index?: number) {
    this.#parent = parent;
    this.#name = name;
    this.#index = index;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new OtlpDecodeError(this.#path() || 'body', 'it is not a JSON object');
    }
    this.#fields = value as Record<string, unknown>;
  }

  static root(value: unknown): JsonMessage {
    return new JsonMessage(value);
  }

  has(field: string): boolean {
    return this.#get(field) !== undefined;
  }

  /** Returns which of the fields is set. Only one of them can be set. */
  oneOf<F extends string>(fields: readonly F[]): F | undefined {
    const [field, second] = fields.filter((name) => this.has(name));
    if (second) this.fail(second, `it can't be set together with ${field}`);
    return field;
  }

  message(field: string): JsonMessage | undefined {
    const value = this.#get(field);
    return value === undefined ? undefined : new JsonMessage(value, this, field);
  }

  messages(field: string): JsonMessage[] {
    return this.list(field).map((value, index) => new JsonMessage(value, this, field, index));
  }

  list(field: string): readonly unknown[] {
    const value = this.#get(field);
    if (value === undefined) return [];
    return Array.isArray(value) ? value : this.fail(field, 'it is not an array');
  }

  text(field: string): string | undefined {
    const value = this.#get(field);
    if (value === undefined || typeof value === 'string') return value;
    return this.fail(field, 'it is not a string');
  }

  bool(field: string): boolean {
    const value = this.#get(field);
    if (value === undefined || typeof value === 'boolean') return value ?? false;
    return this.fail(field, 'it is neither true nor false');
  }

  double(field: string): number | undefined {
    const value = this.#get(field);
    return value === undefined ? undefined : this.#toDouble(field, value);
  }

  doubles(field: string): number[] {
    return this.list(field).map((value) => this.#toDouble(field, value));
  }

  /** Reads an `int64`: the exact number as text if a JavaScript number can't represent it. */
  int64(field: string): number | string {
    const integer = this.#toInteger(field, this.#get(field) ?? 0, MIN_INT64, MAX_INT64);
    const number = Number(integer);
    return Number.isSafeInteger(number) ? number : String(integer);
  }

  uint64(field: string): number {
    return Number(this.#toInteger(field, this.#get(field) ?? 0, 0n, MAX_UINT64));
  }

  uint64s(field: string): number[] {
    return this.list(field).map((value) => Number(this.#toInteger(field, value, 0n, MAX_UINT64)));
  }

  int32(field: string): number {
    const [least, most] = [-(2n ** 31n), 2n ** 31n - 1n];
    return Number(this.#toInteger(field, this.#get(field) ?? 0, least, most));
  }

  uint32(field: string): number {
    return Number(this.#toInteger(field, this.#get(field) ?? 0, 0n, 2n ** 32n - 1n));
  }

  /** Reads an enum. OTLP allows only numbers, but some senders write names. Unknown names are 0. */
  enumNumber(field: string, names: readonly string[]): number {
    const value = this.#get(field);
    if (typeof value === 'string' && !DECIMAL.test(value)) return Math.max(0, names.indexOf(value));
    return this.int32(field);
  }

  /** Reads a time in ns since the epoch. Returns ms, or 0 if the field isn't set. */
  timeMs(field: string): number {
    const value = this.#get(field) ?? 0;
    const nanos = this.#toInteger(field, value, 0n, MAX_UINT64);
    return typeof value === 'string' ? parseNanos(String(nanos)) : Number(nanos) / 1e6;
  }

  /** @throws OtlpDecodeError with the path of the field */
  fail(field: string, reason: string): never {
    const path = this.#path();
    throw new OtlpDecodeError(path === '' ? field : `${path}.${field}`, reason);
  }

  #get(field: string): unknown {
    return this.#fields[field] ?? undefined;
  }

  #path(): string {
    const parent = this.#parent ? this.#parent.#path() : '';
    const name = parent === '' ? this.#name : `${parent}.${this.#name}`;
    return this.#index === undefined ? name : `${name}[${this.#index}]`;
  }

  #toDouble(field: string, value: unknown): number {
    if (typeof value === 'number') return value;
    const isNumber = typeof value === 'string' && (DOUBLE_NAMES.has(value) || DECIMAL.test(value));
    return isNumber ? Number(value) : this.fail(field, 'it is not a number');
  }

  /** Returns a `bigint` if the exact integer isn't a safe number. */
  #toInteger(field: string, value: unknown, least: bigint, most: bigint): number | bigint {
    const isText = typeof value === 'string' && DECIMAL.test(value);
    if (!isText && typeof value !== 'number') return this.fail(field, 'it is not a number');
    const number = Number(value);
    if (!Number.isInteger(number)) return this.fail(field, 'it is not an integer');
    const isSafe = Number.isSafeInteger(number);
    const integer = isSafe ? number : toBigInt(isText ? value : number);
    if (integer < least || integer > most) return this.fail(field, 'it is out of range');
    return integer;
  }
}

function toBigInt(value: string | number): bigint {
  // A number with an exponent, such as 1e19.
  return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : BigInt(Number(value));
}
