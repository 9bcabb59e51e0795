const INITIAL_BYTES = 4096;
const TWO_POW_32 = 2 ** 32;
/** Wire types, see https://protobuf.dev/programming-guides/encoding/#structure. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;

/**
 * Writes one protobuf message. Each method writes one field, also if the value is the default of proto3, so the caller
 * decides which fields to omit. Methods for integers throw a RangeError if the value doesn't fit.
 */
export class ProtobufWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;

  /** Writes a field of type `bool`. */
  bool(field: number, value: boolean): void {
    this.#tag(field, VARINT);
    this.#varint(value ? 1 : 0);
  }

  /** Writes a field of type `uint32`, or of an enum. */
  uint32(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  /** Writes a field of type `sint32`. */
  sint32(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.#varint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** Writes a field of type `int64`. The value is an integer. Beyond ±2⁵³, it is exact only as far as the number is. */
  int64(field: number, value: number): void {
    this.#tag(field, VARINT);
    if (value >= 0) this.#varint(value);
    else this.#varint64(BigInt.asUintN(64, BigInt(value)));
  }

  /** Writes a field of type `double`. */
  double(field: number, value: number): void {
    this.#tag(field, FIXED64);
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  /** Writes a field of type `fixed64` from its upper and lower 32 bits. */
  fixed64Parts(field: number, high: number, low: number): void {
    this.#tag(field, FIXED64);
    this.#fixed64(high, low);
  }

  /** Writes a field of type `fixed64`. The value is an integer of at least 0. */
  fixed64(field: number, value: number): void {
    checkUint64(value);
    this.fixed64Parts(field, Math.floor(value / TWO_POW_32), value % TWO_POW_32);
  }

  string(field: number, value: string): void {
    this.#tag(field, LENGTH_DELIMITED);
    // Most strings are short, so the longest possible length fits into one byte.
    const start = this.#startLength(value.length * 3);
    this.#length += this.#buffer.write(value, this.#length);
    this.#endLength(start);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** Writes a packed repeated field of type `double`. Writes nothing if there are no values. */
  packedDoubles(field: number, values: readonly number[]): void {
    if (!this.#packed(field, values.length * 8)) return;
    for (const value of values) this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  /** Writes a packed repeated field of type `fixed64`. Writes nothing if there are no values. */
  packedFixed64(field: number, values: readonly number[]): void {
    if (!this.#packed(field, values.length * 8)) return;
    for (const value of values) {
      checkUint64(value);
      this.#fixed64(Math.floor(value / TWO_POW_32), value % TWO_POW_32);
    }
  }

  /** Writes a packed repeated field of type `uint64`. Writes nothing if there are no values. */
  packedUint64(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    const start = this.startMessage(field);
    for (const value of values) this.#varint(value);
    this.endMessage(start);
  }

  /** Starts a field that contains a message. Pass the returned position to `endMessage`. */
  startMessage(field: number): number {
    this.#tag(field, LENGTH_DELIMITED);
    return this.#startLength(0);
  }

  /** Ends the message that `startMessage` started. Nested messages end first. */
  endMessage(start: number): void {
    this.#endLength(start);
  }

  /** Returns the message. The writer can't be used after that. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #packed(field: number, bytes: number): boolean {
    if (bytes === 0) return false;
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(bytes);
    this.#reserve(bytes);
    return true;
  }

  /** Leaves one byte for a length, and space for `bytes` after it. */
  #startLength(bytes: number): number {
    this.#reserve(bytes + 1);
    this.#length += 1;
    return this.#length;
  }

  /** Writes the length of the data since `start`. Moves the data if the length takes more than one byte. */
  #endLength(start: number): void {
    const bytes = this.#length - start;
    if (bytes < 0x80) {
      this.#buffer[start - 1] = bytes;
      return;
    }
    const lengthBytes = bytes < 0x4000 ? 2 : bytes < 0x20_0000 ? 3 : bytes < 0x1000_0000 ? 4 : 5;
    this.#reserve(lengthBytes - 1);
    const end = this.#length + lengthBytes - 1;
    this.#buffer.copyWithin(start + lengthBytes - 1, start, this.#length);
    this.#length = start - 1;
    this.#varint(bytes);
    this.#length = end;
  }

  /** Writes an integer from 0 to 2⁶⁴. */
  #varint(value: number): void {
    checkUint64(value);
    this.#reserve(10);
    let rest = value;
    while (rest >= TWO_POW_32 / 2) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  #varint64(value: bigint): void {
    this.#reserve(10);
    let rest = value;
    while (rest >= 0x80n) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
  }

  #fixed64(high: number, low: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeUInt32LE(low, this.#length);
    this.#length = this.#buffer.writeUInt32LE(high, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

function checkUint64(value: number): void {
  if (!(value >= 0 && value < 2 ** 64)) throw new RangeError(`invalid integer: ${value}`);
}
