import { isUtf8 } from 'node:buffer';
import { toMs } from '../../../core/otel/unix-nano.ts';
import { OtlpDecodeError } from './otlp-decode-error.ts';

const TWO_POW_32 = 2 ** 32;
const MAX_GROUP_DEPTH = 32;
/** Wire types, see https://protobuf.dev/programming-guides/encoding/#structure. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const FIXED32 = 5;
const REPLACEMENT_CHARACTER = '\ufffd';

/** Name of a message, and of the fields that the decoder reads, by field number. */
export interface MessageType {
  readonly name: string;
  readonly fields: Readonly<Record<number, string>>;
}

/**
 * Reads the fields of a protobuf message, and of the messages in it. A caller compares `tag` with the tags of its
 * fields, calls the method for the field's type, and calls `skip` for all other tags.
 */
export class ProtobufReader {
  readonly body: Buffer;
  readonly #view: DataView;
  /** Position of the next byte. */
  position = 0;
  /** End of the message that is being read. */
  end: number;

  constructor(body: Uint8Array) {
    this.body = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    this.#view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    this.end = body.byteLength;
  }

  /** Starts a message that is the value of a field. Returns the end of the outer message for `endMessage`. */
  startMessage(): number {
    const outerEnd = this.end;
    const length = this.length();
    this.end = this.position + length;
    return outerEnd;
  }

  endMessage(outerEnd: number): void {
    this.end = outerEnd;
  }

  get hasField(): boolean {
    return this.position < this.end;
  }

  /** Reads the field number and the wire type of the next field: `field * 8 + wireType`. */
  tag(): number {
    const start = this.position;
    const tag = this.varint();
    if (tag >= 8 && tag < TWO_POW_32) return tag;
    throw new OtlpDecodeError(
      `byte ${start}`,
      `the field number ${Math.floor(tag / 8)} is invalid`,
    );
  }

  /**
   * Skips a field that the caller doesn't read.
   *
   * @throws OtlpDecodeError if `type` has the field, because the sender then used another wire type
   */
  skip(tag: number, type: MessageType): void {
    const name = type.fields[tag >>> 3];
    if (name) this.fail(`the field ${type.name}.${name} has the wire type ${tag & 7}`);
    this.#skipValue(tag);
  }

  varint(): number {
    const first = this.#byte();
    return first < 0x80 ? first : this.#longVarint(first);
  }

  /** Reads an `int64`: the exact number as text if a JavaScript number can't represent it. */
  int64(): number | string {
    const start = this.position;
    const value = this.varint();
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    return toSafeNumber(BigInt.asIntN(64, this.#exactVarint(start)));
  }

  /** Reads a `uint32`, a `bool`, or an enum, which use the lower 32 bits of a varint. */
  uint32(): number {
    const start = this.position;
    const value = this.varint();
    if (value < TWO_POW_32) return value;
    return Number(BigInt.asUintN(32, this.#exactVarint(start)));
  }

  sint32(): number {
    const value = this.uint32();
    return (value >>> 1) ^ -(value & 1);
  }

  double(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  fixed64(): number {
    const at = this.#advance(8);
    return this.#view.getUint32(at + 4, true) * TWO_POW_32 + this.#view.getUint32(at, true);
  }

  sfixed64(): number {
    const at = this.#advance(8);
    return this.#view.getInt32(at + 4, true) * TWO_POW_32 + this.#view.getUint32(at, true);
  }

  /** Reads a time in ns since the epoch. Returns ms. */
  timeMs(): number {
    const at = this.#advance(8);
    return toMs(this.#view.getUint32(at + 4, true), this.#view.getUint32(at, true));
  }

  /** Reads the length of a string, of bytes, or of a message, and checks that so many bytes follow. */
  length(): number {
    const start = this.position;
    const length = this.varint();
    if (length > this.end - this.position) {
      throw new OtlpDecodeError(
        `byte ${start}`,
        `a length of ${length} bytes exceeds the ${this.end - this.position} bytes that follow`,
      );
    }
    return length;
  }

  /** Skips the bytes of a string or of a message. */
  skipLength(): void {
    const length = this.length();
    this.position += length;
  }

  /** Reads a string. Returns undefined if it has more than `maxBytes` bytes. */
  string(maxBytes: number): string | undefined {
    const length = this.length();
    const start = this.position;
    this.position += length;
    return length <= maxBytes ? this.text(start, start + length) : undefined;
  }

  /** Returns a part of the body as text. */
  text(start: number, end: number): string {
    if (start === end) return '';
    const text = this.body.toString('utf8', start, end);
    if (text.includes(REPLACEMENT_CHARACTER) && !isUtf8(this.body.subarray(start, end))) {
      throw new OtlpDecodeError(`byte ${start}`, 'a string is not valid UTF-8');
    }
    return text;
  }

  /** Reads bytes. Returns a view of the body. */
  bytes(): Buffer {
    const length = this.length();
    const start = this.position;
    this.position += length;
    return this.body.subarray(start, this.position);
  }

  fail(reason: string): never {
    throw new OtlpDecodeError(`byte ${this.position}`, reason);
  }

  #skipValue(tag: number): void {
    const wireType = tag & 7;
    if (wireType === VARINT) this.varint();
    else if (wireType === FIXED64) this.#advance(8);
    else if (wireType === LENGTH_DELIMITED) this.skipLength();
    else if (wireType === FIXED32) this.#advance(4);
    else if (wireType === START_GROUP) this.#skipGroup(tag >>> 3);
    else if (wireType === END_GROUP) this.fail('a group ends that has not started');
    else this.fail(`the wire type ${wireType} is invalid`);
  }

  #skipGroup(field: number): void {
    const open = [field];
    while (open.length > 0) {
      const tag = this.tag();
      const wireType = tag & 7;
      if (wireType === START_GROUP) {
        if (open.push(tag >>> 3) > MAX_GROUP_DEPTH) this.fail('groups are nested too deeply');
      } else if (wireType !== END_GROUP) {
        this.#skipValue(tag);
      } else if (open.pop() !== tag >>> 3) {
        this.fail('a group ends that has not started');
      }
    }
  }

  #longVarint(first: number): number {
    const start = this.position - 1;
    let value = first & 0x7f;
    let factor = 0x80;
    for (let bytes = 2; bytes <= 10; bytes++) {
      const byte = this.#byte();
      // The tenth byte contains only the last of 64 bits.
      if (bytes === 10 && byte > 1) break;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        // The sum of several parts would be rounded more than once.
        return value <= Number.MAX_SAFE_INTEGER ? value : Number(this.#exactVarint(start));
      }
      factor *= 0x80;
    }
    return this.fail('an integer has more than 64 bits');
  }

  /** Returns the integer from `start` to the position. */
  #exactVarint(start: number): bigint {
    let value = 0n;
    for (let at = this.position - 1; at >= start; at--) {
      value = (value << 7n) | BigInt(this.body[at]! & 0x7f);
    }
    return value;
  }

  #byte(): number {
    if (this.position >= this.end) this.fail('the data ends in the middle of a field');
    return this.body[this.position++]!;
  }

  #advance(bytes: number): number {
    const at = this.position;
    if (bytes > this.end - at) this.fail('the data ends in the middle of a field');
    this.position = at + bytes;
    return at;
  }
}

/** Returns an integer as a number if that is exact, or else as text. */
function toSafeNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}
