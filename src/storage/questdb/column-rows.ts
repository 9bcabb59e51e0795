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
  #capacity = INITIAL_ROWS;
  #keyIndexes = new Uint32Array(INITIAL_ROWS);
  #columns: Float64Array[] = [];
  readonly #keys: (string | null)[][] = [];
  /** The bytes of each key, and its hash. */
  readonly #keyBytes: Buffer[] = [];
  readonly #keyHashes: number[] = [];
  /** Open hash table of key numbers; -1 for an empty slot. */
  #slots = new Int32Array(INITIAL_SLOTS).fill(-1);

  /** @param keyCount number of key columns */
  constructor(keyCount: number) {
    this.#keyCount = keyCount;
  }

  /** Sets the type of each column. @param oids type numbers of all columns, with the keys */
  describe(oids: readonly number[]): void {
    this.#types = oids.slice(this.#keyCount);
    this.#columns = this.#types.map(() => new Float64Array(this.#capacity));
  }

  /** Adds the row whose fields start at `offset`. */
  add(bytes: Buffer, offset: number): void {
    if (this.#length === this.#capacity) this.#grow();
    const row = this.#length;
    let at = offset;
    for (let i = 0; i < this.#keyCount; i++) at += 4 + Math.max(0, bytes.readInt32BE(at));
    this.#keyIndexes[row] = this.#findKey(bytes, offset, at);
    for (let i = 0; i < this.#types.length; i++) {
      const size = bytes.readInt32BE(at);
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
    };
  }

  #findKey(bytes: Buffer, from: number, to: number): number {
    // FNV-1a.
    let hash = 0x811c9dc5;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const key = this.#slots[slot]!;
      if (key < 0) return this.#addKey(bytes, from, to, hash, slot);
      if (this.#keyHashes[key] === hash && equals(this.#keyBytes[key]!, bytes, from, to)) {
        return key;
      }
    }
  }

  #addKey(bytes: Buffer, from: number, to: number, hash: number, slot: number): number {
    const key = this.#keys.length;
    this.#slots[slot] = key;
    this.#keys.push(readTexts(bytes, from, this.#keyCount));
    this.#keyBytes.push(Buffer.from(bytes.subarray(from, to)));
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
    this.#capacity *= 4;
    const keyIndexes = new Uint32Array(this.#capacity);
    keyIndexes.set(this.#keyIndexes);
    this.#keyIndexes = keyIndexes;
    this.#columns = this.#columns.map((column) => {
      const longer = new Float64Array(this.#capacity);
      longer.set(column);
      return longer;
    });
  }
}

function equals(key: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (key.length !== to - from) return false;
  for (let i = 0; i < key.length; i++) {
    if (key[i] !== bytes[from + i]) return false;
  }
  return true;
}

function readTexts(bytes: Buffer, from: number, count: number): (string | null)[] {
  let at = from;
  return Array.from({ length: count }, () => {
    const size = bytes.readInt32BE(at);
    const startAt = at + 4;
    at = startAt + Math.max(0, size);
    return size < 0 ? null : bytes.toString('utf8', startAt, at);
  });
}

function readNumber(bytes: Buffer, at: number, oid: number): number {
  switch (oid) {
    case FLOAT8_OID:
      return bytes.readDoubleBE(at);
    case INT8_OID:
      return readInt8(bytes, at);
    case TIMESTAMP_OID:
      return POSTGRES_EPOCH_MS + Math.floor(readInt8(bytes, at) / 1000);
    case INT4_OID:
      return bytes.readInt32BE(at);
    case INT2_OID:
      return bytes.readInt16BE(at);
    case FLOAT4_OID:
      return bytes.readFloatBE(at);
    default:
      throw new TypeError(`columns of type ${oid} can't be read as numbers`);
  }
}

/** Reads 8 bytes as a number. Numbers above 2^53 lose precision, but counts and times are smaller. */
function readInt8(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}
