/** Rows of a result as columns. Millions of row objects would take too much time and memory. */
export interface ColumnRows {
  /** Number of rows. */
  readonly length: number;
  /** The distinct texts of the key columns, in the order of their first row. */
  readonly keys: readonly (readonly (string | null)[])[];
  /** For each row, the index of its texts in `keys`. */
  readonly keyIndexes: Uint32Array;
  /** The other columns. NULL is `NaN`, and timestamps are in ms since the epoch. */
  readonly columns: readonly Float64Array[];
  /** Allows later reads to reuse the memory. The rows can't be read anymore. */
  release(): void;
}

/** Memory that several reads use one after another. New memory for each read would keep the garbage collector busy. */
export class ColumnBuffers {
  readonly #free: Float64Array[] = [];

  /** Length of the longest free buffer. */
  get longest(): number {
    return this.#free.reduce((longest, { length }) => Math.max(longest, length), 0);
  }

  /** Returns a buffer with at least `length` numbers of any value. */
  take(length: number): Float64Array {
    const index = this.#free.findIndex((buffer) => buffer.length >= length);
    return index < 0 ? new Float64Array(length) : this.#free.splice(index, 1)[0]!;
  }

  release(buffer: Float64Array): void {
    this.#free.push(buffer);
  }
}

const INT2_OID = 21;
const INT4_OID = 23;
const INT8_OID = 20;
const FLOAT4_OID = 700;
const FLOAT8_OID = 701;
const TIMESTAMP_OID = 1114;
/** The wire protocol counts timestamps from 2000-01-01, in µs. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const INITIAL_ROWS = 4096;
const INITIAL_SLOTS = 1024;

/**
 * Collects the data rows of the PostgreSQL wire protocol in binary format. Key columns come first and are texts. All
 * other columns are numbers or timestamps.
 */
export class ColumnRowCollector {
  readonly #keyCount: number;
  #types: readonly number[] = [];
  #length = 0;
  readonly #buffers: ColumnBuffers;
  #capacity: number;
  #keyBuffer: Float64Array;
  #keyIndexes: Uint32Array;
  #columns: Float64Array[] = [];
  readonly #keys: (string | null)[][] = [];
  /** The bytes of each key, and its hash. */
  readonly #keyBytes: DataView[] = [];
  readonly #keyHashes: number[] = [];
  /** Open hash table of key numbers; -1 for an empty slot. */
  #slots = new Int32Array(INITIAL_SLOTS).fill(-1);

  /** @param keyCount number of key columns */
  constructor(keyCount: number, buffers = new ColumnBuffers()) {
    this.#keyCount = keyCount;
    this.#buffers = buffers;
    this.#capacity = Math.max(INITIAL_ROWS, buffers.longest);
    this.#keyBuffer = buffers.take(this.#capacity);
    this.#keyIndexes = new Uint32Array(this.#keyBuffer.buffer);
  }

  /** Sets the type of each column. @param oids type numbers of all columns, with the keys */
  describe(oids: readonly number[]): void {
    this.#types = oids.slice(this.#keyCount);
    this.#columns = this.#types.map(() => this.#buffers.take(this.#capacity));
  }

  /** Adds the row whose fields start at `offset`. */
  add(bytes: DataView, offset: number): void {
    if (this.#length === this.#capacity) this.#grow();
    const row = this.#length;
    let at = offset;
    for (let i = 0; i < this.#keyCount; i++) at += 4 + Math.max(0, bytes.getInt32(at));
    this.#keyIndexes[row] = this.#findKey(bytes, offset, at);
    for (let i = 0; i < this.#types.length; i++) {
      const size = bytes.getInt32(at);
      at += 4;
      this.#columns[i]![row] = size < 0 ? Number.NaN : readNumber(bytes, at, this.#types[i]!);
      at += Math.max(0, size);
    }
    this.#length += 1;
  }

  toRows(): ColumnRows {
    return {
      length: this.#length,
      keys: this.#keys,
      keyIndexes: this.#keyIndexes,
      columns: this.#columns,
      release: () => {
        for (const buffer of [this.#keyBuffer, ...this.#columns]) this.#buffers.release(buffer);
      },
    };
  }

  #findKey(bytes: DataView, from: number, to: number): number {
    const hash = computeHash(bytes, from, to);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const key = this.#slots[slot]!;
      if (key < 0) return this.#addKey(bytes, from, to, hash, slot);
      if (this.#keyHashes[key] === hash && equals(this.#keyBytes[key]!, bytes, from, to)) {
        return key;
      }
    }
  }

  #addKey(bytes: DataView, from: number, to: number, hash: number, slot: number): number {
    const key = this.#keys.length;
    const copy = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + from, to - from);
    this.#slots[slot] = key;
    this.#keys.push(readTexts(bytes, from, this.#keyCount));
    this.#keyBytes.push(toView(Uint8Array.from(copy)));
    this.#keyHashes.push(hash);
    if (2 * this.#keys.length > this.#slots.length) this.#growSlots();
    return key;
  }

  #growSlots(): void {
    const slots = new Int32Array(4 * this.#slots.length).fill(-1);
    const mask = slots.length - 1;
    for (const [key, hash] of this.#keyHashes.entries()) {
      let slot = hash & mask;
      while (slots[slot]! >= 0) slot = (slot + 1) & mask;
      slots[slot] = key;
    }
    this.#slots = slots;
  }

  #grow(): void {
    const capacity = 4 * this.#capacity;
    const grow = (column: Float64Array) => {
      const longer = this.#buffers.take(capacity);
      longer.set(column);
      this.#buffers.release(column);
      return longer;
    };
    this.#keyBuffer = grow(this.#keyBuffer);
    this.#keyIndexes = new Uint32Array(this.#keyBuffer.buffer);
    this.#columns = this.#columns.map(grow);
    this.#capacity = capacity;
  }
}

/** Returns a view of all bytes of an array. */
export function toView({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** FNV-1a over words of 4 bytes. */
function computeHash(bytes: DataView, from: number, to: number): number {
  let hash = 0x811c9dc5;
  let at = from;
  for (; at + 4 <= to; at += 4) hash = Math.imul(hash ^ bytes.getInt32(at), 0x01000193);
  for (; at < to; at++) hash = Math.imul(hash ^ bytes.getUint8(at), 0x01000193);
  // The last bits decide about the slot.
  return hash ^ (hash >>> 15);
}

function equals(key: DataView, bytes: DataView, from: number, to: number): boolean {
  const length = to - from;
  if (key.byteLength !== length) return false;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    if (key.getInt32(i) !== bytes.getInt32(from + i)) return false;
  }
  for (; i < length; i++) if (key.getUint8(i) !== bytes.getUint8(from + i)) return false;
  return true;
}

function readTexts(bytes: DataView, from: number, count: number): (string | null)[] {
  let at = from;
  return Array.from({ length: count }, () => {
    const size = bytes.getInt32(at);
    const startAt = at + 4;
    at = startAt + Math.max(0, size);
    if (size < 0) return null;
    return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + startAt, size).toString();
  });
}

function readNumber(bytes: DataView, at: number, oid: number): number {
  switch (oid) {
    case FLOAT8_OID:
      return bytes.getFloat64(at);
    case INT8_OID:
      return readInt8(bytes, at);
    case TIMESTAMP_OID:
      return POSTGRES_EPOCH_MS + Math.floor(readInt8(bytes, at) / 1000);
    case INT4_OID:
      return bytes.getInt32(at);
    case INT2_OID:
      return bytes.getInt16(at);
    case FLOAT4_OID:
      return bytes.getFloat32(at);
    default:
      throw new TypeError(`columns of type ${oid} can't be read as numbers`);
  }
}

/** Reads 8 bytes as a number. Numbers above 2^53 lose precision, but counts and times are smaller. */
function readInt8(bytes: DataView, at: number): number {
  return bytes.getInt32(at) * 0x1_0000_0000 + bytes.getUint32(at + 4);
}
