const INITIAL_BYTES = 4096;
/** A larger buffer is released after use. */
const MAX_KEPT_BYTES = 1024 * 1024;
const BITS = 128;
const LITTLE_ENDIAN = true;

/** Collects the bytes of encoded states. */
export class StateWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Returns a copy of the bytes, and removes them. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#replace(new Uint8Array(INITIAL_BYTES));
    return taken;
  }

  addByte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  addUint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, LITTLE_ENDIAN);
    this.#length += 4;
  }

  addDouble(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, LITTLE_ENDIAN);
    this.#length += 8;
  }

  /** Adds a number. Small non-negative integers need the fewest bytes. */
  addCount(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0 || value === Number.MAX_SAFE_INTEGER) {
      this.#addVarint(0);
      this.addDouble(value);
    } else this.#addVarint(value + 1);
  }

  /** Adds text. */
  addText(text: string): void {
    // Two numbers, because text with other characters is rare.
    const isLatin1 = this.#tryAddLatin1(text);
    if (isLatin1) return;
    const bytes = new TextEncoder().encode(text);
    this.#addVarint(bytes.length * 2 + 1);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #tryAddLatin1(text: string): boolean {
    const start = this.#length;
    this.#addVarint(text.length * 2);
    this.#reserve(text.length);
    const bytes = this.#bytes;
    let position = this.#length;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 255) {
        this.#length = start;
        return false;
      }
      bytes[position++] = unit;
    }
    this.#length = position;
    return true;
  }

  #addVarint(value: number): void {
    let rest = value;
    while (rest >= BITS) {
      this.addByte((rest % BITS) + BITS);
      rest = Math.floor(rest / BITS);
    }
    this.addByte(rest);
  }

  #reserve(bytes: number): void {
    const required = this.#length + bytes;
    if (required <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(required, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#replace(larger);
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** Reads the bytes of a {@link StateWriter}. All methods throw RangeError at the end of the data. */
export class StateReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#bytes.length;
  }

  readByte(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  readUint32(): number {
    return this.#view.getUint32(this.#skip(4), LITTLE_ENDIAN);
  }

  readDouble(): number {
    return this.#view.getFloat64(this.#skip(8), LITTLE_ENDIAN);
  }

  readCount(): number {
    const value = this.#readVarint();
    return value === 0 ? this.readDouble() : value - 1;
  }

  /** Reads the length of a list. @throws RangeError if it can't be in the data */
  readLength(): number {
    const length = this.readCount();
    if (!(length <= this.#bytes.length - this.#position)) throw new RangeError('invalid length');
    return length;
  }

  readText(): string {
    const value = this.#readVarint();
    const length = Math.floor(value / 2);
    const start = this.#skip(length);
    const encoding = value % 2 === 0 ? 'latin1' : 'utf8';
    const { buffer, byteOffset } = this.#bytes;
    return Buffer.from(buffer, byteOffset + start, length).toString(encoding);
  }

  #readVarint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= BITS) {
      const byte = this.readByte();
      value += (byte % BITS) * factor;
      if (byte < BITS || factor > Number.MAX_SAFE_INTEGER) return value;
    }
  }

  #skip(bytes: number): number {
    const start = this.#position;
    if (start + bytes > this.#bytes.length) throw new RangeError('the data is incomplete');
    this.#position += bytes;
    return start;
  }
}
