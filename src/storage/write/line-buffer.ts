import { BACKSLASH, COMMA, EQUALS, LF, QUOTE, SPACE } from '../spool/line-protocol-bytes.ts';

const CR = 13;
const ZERO = 48;

const REPLACEMENT_CHARACTER = 0xfffd;
const INITIAL_BYTES = 64 * 1024;
/** A larger buffer is released when it is taken, so that one large batch doesn't occupy memory forever. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;
/** Maximum number of bytes per UTF-16 code unit: three in UTF-8, or two with a backslash. */
const MAX_UNIT_BYTES = 3;

/** Collects the bytes of lines in a buffer that grows. Its methods don't create intermediate strings. */
export class LineBuffer {
  readonly #maxBytes: number;
  #buffer: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(0);
  #length = 0;

  /** @param maxBytes size at which the methods throw an error */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Removes all bytes. */
  clear(): void {
    this.#length = 0;
  }

  /** Returns a copy of the bytes, and removes them. */
  take(): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(0);
    return bytes;
  }

  addByte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = byte;
  }

  // The loops in this class are faster than native functions, because most values are short.
  addBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    const buffer = this.#buffer;
    let position = this.#length;
    for (let i = 0; i < bytes.length; i++) buffer[position++] = bytes[i]!;
    this.#length = position;
  }

  /** Adds text that contains only ASCII characters, without escaping. */
  addAscii(text: string): void {
    this.#reserve(text.length);
    const buffer = this.#buffer;
    let position = this.#length;
    for (let i = 0; i < text.length; i++) buffer[position++] = text.charCodeAt(i);
    this.#length = position;
  }

  addNumber(value: number): void {
    if (value >= 0 && value < 10 && Number.isInteger(value)) this.addByte(ZERO + value);
    else this.addAscii(String(value));
  }

  /**
   * Adds text in UTF-8 and escapes it. Replaces NUL and lone surrogates with U+FFFD, because QuestDB
   * rejects all rows of a request that contains NUL.
   *
   * @param isQuoted whether the text is between quotes. Spaces, commas, and equals signs then need no backslash.
   */
  addText(text: string, isQuoted: boolean): void {
    this.#reserve(text.length * MAX_UNIT_BYTES);
    const buffer = this.#buffer;
    let position = this.#length;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0 && unit < 128) {
        if (unit <= BACKSLASH && isSpecial(unit, isQuoted)) buffer[position++] = BACKSLASH;
        buffer[position++] = unit;
        continue;
      }
      const character = readCharacter(text, i);
      if (character > 0xffff) i++;
      position = writeUtf8(buffer, position, character);
    }
    this.#length = position;
  }

  #reserve(bytes: number): void {
    const required = this.#length + bytes;
    if (required > this.#buffer.length) this.#grow(required);
  }

  #grow(required: number): void {
    if (required > this.#maxBytes) {
      throw new Error(`the rows need ${required} bytes, but the maximum is ${this.#maxBytes}`);
    }
    const size = Math.max(required, this.#buffer.length * 2, INITIAL_BYTES);
    const larger = Buffer.allocUnsafeSlow(Math.min(size, this.#maxBytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

function isSpecial(unit: number, isQuoted: boolean): boolean {
  if (unit === BACKSLASH || unit === LF || unit === CR) return true;
  return isQuoted ? unit === QUOTE : unit === SPACE || unit === COMMA || unit === EQUALS;
}

function readCharacter(text: string, index: number): number {
  const character = text.codePointAt(index)!;
  const isSurrogate = character >= 0xd800 && character <= 0xdfff;
  return character === 0 || isSurrogate ? REPLACEMENT_CHARACTER : character;
}

/** Writes a character of at least two bytes, and returns the position after it. */
function writeUtf8(buffer: Buffer, start: number, character: number): number {
  let position = start;
  if (character < 0x800) buffer[position++] = 0xc0 | (character >> 6);
  else {
    if (character < 0x10000) buffer[position++] = 0xe0 | (character >> 12);
    else {
      buffer[position++] = 0xf0 | (character >> 18);
      buffer[position++] = 0x80 | ((character >> 12) & 0x3f);
    }
    buffer[position++] = 0x80 | ((character >> 6) & 0x3f);
  }
  buffer[position++] = 0x80 | (character & 0x3f);
  return position;
}
