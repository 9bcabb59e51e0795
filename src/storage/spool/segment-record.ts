import { crc32 } from '../../core/crc32.ts';
import { isTableName } from '../../core/schema/table-registry.ts';
import type { Batch } from './batch.ts';

/** Number of random bytes that start each record of a segment, so that damaged records can be skipped. */
export const NONCE_BYTES = 8;
/** Size of the header before the lines of a record. */
export const HEADER_BYTES = 40;

// Byte positions in the header. Numbers are little-endian.
const HEADER_CRC = 8;
const LINES_CRC = 12;
const LENGTH = 16;
const ROWS = 20;
const ROWS_BEFORE = 24;
const NEWEST_MS = 32;

/**
 * Encodes the header of the record of a batch. The lines follow it.
 *
 * @param nonce the random bytes of the segment. Lines can't contain a valid record by chance or on
 * purpose, because no other program knows them.
 * @param rowsBefore number of rows in the segment's earlier records. Shows how many rows a damaged
 * part contained.
 */
export function encodeHeader(
  nonce: Buffer,
  rowsBefore: number,
  { lines, rows, newestMs }: Batch,
): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  nonce.copy(header);
  header.writeUInt32LE(crc32(lines), LINES_CRC);
  header.writeUInt32LE(lines.length, LENGTH);
  header.writeUInt32LE(rows, ROWS);
  header.writeDoubleLE(rowsBefore, ROWS_BEFORE);
  header.writeDoubleLE(newestMs, NEWEST_MS);
  header.writeUInt32LE(crc32(header.subarray(LINES_CRC)), HEADER_CRC);
  return header;
}

/** Part of a segment that {@link scanRecords} has read. */
export interface ScannedRecords {
  readonly batches: readonly Batch[];
  /** Number of rows of damaged records. */
  readonly damagedRows: number;
  /** Number of bytes that don't belong to a valid record. */
  readonly damagedBytes: number;
  /** Number of bytes of complete or damaged records. Scanning continues after them. */
  readonly bytes: number;
  /** Number of rows in the segment up to this position. */
  readonly rowsBefore: number;
  /** Number of bytes that are necessary to read the next record, if it is incomplete. */
  readonly bytesNeeded: number;
}

interface Header {
  readonly linesCrc: number;
  readonly length: number;
  readonly rows: number;
  readonly rowsBefore: number;
  readonly newestMs: number;
}

/**
 * Reads the records at the start of `data`, and skips damaged ones.
 *
 * @param rowsBefore number of rows in the segment before `data`
 * @param isEnd whether `data` ends at the end of the segment, so that an incomplete record is damaged
 */
export function scanRecords(
  nonce: Buffer,
  data: Buffer,
  rowsBefore: number,
  isEnd: boolean,
): ScannedRecords {
  const batches: Batch[] = [];
  let position = 0;
  let rowsRead = rowsBefore;
  let damagedRows = 0;
  let damagedBytes = 0;
  let bytesNeeded = 0;
  while (position < data.length) {
    const header = readHeader(nonce, data, position);
    if (header === 'incomplete' && !isEnd) {
      bytesNeeded = HEADER_BYTES;
      break;
    }
    if (typeof header === 'string') {
      const next = findNonce(nonce, data, position + 1, isEnd);
      damagedBytes += next - position;
      position = next;
      continue;
    }
    const start = position + HEADER_BYTES;
    const end = start + header.length;
    if (end > data.length && !isEnd) {
      bytesNeeded = HEADER_BYTES + header.length;
      break;
    }
    const lines = data.subarray(start, end);
    const batch = end > data.length ? undefined : toBatch(header, lines);
    damagedRows += Math.max(0, header.rowsBefore - rowsRead);
    rowsRead = header.rowsBefore + header.rows;
    if (batch) {
      batches.push(batch);
      position = end;
      continue;
    }
    damagedRows += header.rows;
    // Bytes can be missing in this record, so that the next one starts earlier than expected.
    const next = findNonce(nonce, data, start, isEnd);
    damagedBytes += next - position;
    position = next;
  }
  return { batches, damagedRows, damagedBytes, bytes: position, rowsBefore: rowsRead, bytesNeeded };
}

function readHeader(
  nonce: Buffer,
  data: Buffer,
  position: number,
): Header | 'damaged' | 'incomplete' {
  const header = data.subarray(position, position + HEADER_BYTES);
  if (!nonce.subarray(0, header.length).equals(header.subarray(0, NONCE_BYTES))) return 'damaged';
  if (header.length < HEADER_BYTES) return 'incomplete';
  if (header.readUInt32LE(HEADER_CRC) !== crc32(header.subarray(LINES_CRC))) return 'damaged';
  return {
    linesCrc: header.readUInt32LE(LINES_CRC),
    length: header.readUInt32LE(LENGTH),
    rows: header.readUInt32LE(ROWS),
    rowsBefore: header.readDoubleLE(ROWS_BEFORE),
    newestMs: header.readDoubleLE(NEWEST_MS),
  };
}

function toBatch({ linesCrc, rows, newestMs }: Header, lines: Buffer): Batch | undefined {
  if (crc32(lines) !== linesCrc) return undefined;
  const table = readTableName(lines);
  return isTableName(table) ? { table, rows, newestMs, lines } : undefined;
}

/** Returns the name at the start of a line. */
function readTableName(lines: Buffer): string {
  const end = lines.findIndex((byte) => byte === 0x2c || byte === 0x20);
  return lines.toString('latin1', 0, Math.max(end, 0));
}

/** Returns the position of the next record, or the position up to which there is none. */
function findNonce(nonce: Buffer, data: Buffer, from: number, isEnd: boolean): number {
  const found = data.indexOf(nonce, from);
  if (found !== -1) return found;
  // The nonce can start at the end of `data`.
  return isEnd ? data.length : Math.max(from, data.length - NONCE_BYTES + 1);
}
