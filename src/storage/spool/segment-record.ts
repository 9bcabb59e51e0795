import { crc32 } from '../../core/crc32.ts';
import { isTableName } from '../../core/schema/table-registry.ts';
import type { Batch } from './batch.ts';
import { isRowGroup, type RecordContent, type RowGroup } from './row-group.ts';

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

// A header of a group contains the size of its state instead of the time.
const STATE_BYTES = 32;
const GROUP_VERSION = 36;
const CURRENT_GROUP_VERSION = 1;
/** Changes the CRC of a group's header. An older version then skips the header, and reads the batches behind it. */
const GROUP_CRC_MASK = 0x67726f75;
/**
 * Factor for the times of a group's batches. No other record has such a large time, not even with a time in nanoseconds.
 * Without their group, this version does not read these batches.
 */
const GROUP_TIME_FACTOR = 2 ** 200;

/**
 * Encodes a record.
 *
 * A group is a header, the state, and one record for each batch. Its CRC includes all of them.
 *
 * @param nonce the random bytes of the segment. Lines can't contain a valid record by chance or on
 * purpose, because no other program knows them.
 * @param rowsBefore number of rows in the segment's earlier records. Shows how many rows a damaged
 * part contained.
 */
export function encodeRecord(nonce: Buffer, rowsBefore: number, content: RecordContent): Buffer[] {
  if (!isRowGroup(content)) {
    return [encodeHeader(nonce, rowsBefore, content, content.newestMs), content.lines];
  }
  const { batches, rows, state } = content;
  const stateBytes = state?.length ?? 0;
  const parts: Buffer[] = [];
  if (state && stateBytes > 0) parts.push(Buffer.from(state.buffer, state.byteOffset, stateBytes));
  let rowsBeforeBatch = rowsBefore;
  for (const batch of batches) {
    // A time of 0 must not stay 0.
    const newestMs = (Math.ceil(batch.newestMs) + 1) * GROUP_TIME_FACTOR;
    parts.push(encodeHeader(nonce, rowsBeforeBatch, batch, newestMs), batch.lines);
    rowsBeforeBatch += batch.rows;
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const crc = parts.reduce((sum, part) => crc32(part, sum), 0);
  const header = createHeader(nonce, { crc, length, rows, rowsBefore });
  header.writeUInt32LE(stateBytes, STATE_BYTES);
  header.writeUInt32LE(CURRENT_GROUP_VERSION, GROUP_VERSION);
  header.writeUInt32LE((crc32(header.subarray(LINES_CRC)) ^ GROUP_CRC_MASK) >>> 0, HEADER_CRC);
  return [header, ...parts];
}

/** Returns the size of an encoded record in bytes. */
export function getRecordBytes(content: RecordContent): number {
  if (!isRowGroup(content)) return HEADER_BYTES + content.lines.length;
  const bytes = content.batches.reduce((sum, { lines }) => sum + HEADER_BYTES + lines.length, 0);
  return HEADER_BYTES + (content.state?.length ?? 0) + bytes;
}

function encodeHeader(
  nonce: Buffer,
  rowsBefore: number,
  { lines, rows }: Batch,
  newestMs: number,
): Buffer {
  const content = { crc: crc32(lines), length: lines.length, rows, rowsBefore };
  const header = createHeader(nonce, content);
  header.writeDoubleLE(newestMs, NEWEST_MS);
  header.writeUInt32LE(crc32(header.subarray(LINES_CRC)), HEADER_CRC);
  return header;
}

function createHeader(
  nonce: Buffer,
  { crc, length, rows, rowsBefore }: Pick<Header, 'crc' | 'length' | 'rows' | 'rowsBefore'>,
): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  nonce.copy(header);
  header.writeUInt32LE(crc, LINES_CRC);
  header.writeUInt32LE(length, LENGTH);
  header.writeUInt32LE(rows, ROWS);
  header.writeDoubleLE(rowsBefore, ROWS_BEFORE);
  return header;
}

/** Part of a segment that {@link scanRecords} has read. */
export interface ScannedRecords {
  readonly batches: readonly Batch[];
  /** The states of the groups. */
  readonly states: readonly Buffer[];
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
  readonly crc: number;
  readonly length: number;
  readonly rows: number;
  readonly rowsBefore: number;
  /** Timestamp of the newest row, in ms since the epoch. */
  readonly newestMs: number;
  /** Whether the record is part of a group. */
  readonly isInGroup: boolean;
  /** Size of the state of a group, in bytes. Undefined: the record is not a group. */
  readonly stateBytes: number | undefined;
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
  const states: Buffer[] = [];
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
    if (typeof header === 'string' || header.isInGroup) {
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
    const group =
      end > data.length ? undefined : readContent(nonce, header, data.subarray(start, end));
    damagedRows += Math.max(0, header.rowsBefore - rowsRead);
    rowsRead = header.rowsBefore + header.rows;
    if (group) {
      for (const batch of group.batches) batches.push(batch);
      if (group.state) states.push(group.state);
      position = end;
      continue;
    }
    damagedRows += header.rows;
    // Bytes can be missing in this record, so that the next one starts earlier than expected.
    const next = findNonce(nonce, data, start, isEnd);
    damagedBytes += next - position;
    position = next;
  }
  const progress = { bytes: position, rowsBefore: rowsRead, bytesNeeded };
  return { batches, states, damagedRows, damagedBytes, ...progress };
}

function readHeader(
  nonce: Buffer,
  data: Buffer,
  position: number,
): Header | 'damaged' | 'incomplete' {
  const header = data.subarray(position, position + HEADER_BYTES);
  if (!nonce.subarray(0, header.length).equals(header.subarray(0, NONCE_BYTES))) return 'damaged';
  if (header.length < HEADER_BYTES) return 'incomplete';
  const headerCrc = crc32(header.subarray(LINES_CRC));
  const storedCrc = header.readUInt32LE(HEADER_CRC);
  const isGroup = storedCrc === (headerCrc ^ GROUP_CRC_MASK) >>> 0;
  if (!isGroup && storedCrc !== headerCrc) return 'damaged';
  if (isGroup && header.readUInt32LE(GROUP_VERSION) !== CURRENT_GROUP_VERSION) return 'damaged';
  const newestMs = isGroup ? 0 : header.readDoubleLE(NEWEST_MS);
  const isInGroup = newestMs >= GROUP_TIME_FACTOR;
  return {
    crc: header.readUInt32LE(LINES_CRC),
    length: header.readUInt32LE(LENGTH),
    rows: header.readUInt32LE(ROWS),
    rowsBefore: header.readDoubleLE(ROWS_BEFORE),
    newestMs: isInGroup ? newestMs / GROUP_TIME_FACTOR - 1 : newestMs,
    isInGroup,
    stateBytes: isGroup ? header.readUInt32LE(STATE_BYTES) : undefined,
  };
}

type ReadGroup = Omit<RowGroup, 'state'> & { readonly state: Buffer | undefined };

/** Returns the content of a record, or undefined if it is damaged. */
function readContent(nonce: Buffer, header: Header, content: Buffer): ReadGroup | undefined {
  if (crc32(content) !== header.crc) return undefined;
  const { rows, stateBytes } = header;
  if (stateBytes === undefined) {
    const batch = toBatch(header, content);
    return batch && { batches: [batch], rows, state: undefined };
  }
  const state = stateBytes > 0 ? content.subarray(0, stateBytes) : undefined;
  const batches: Batch[] = [];
  for (let position = stateBytes; position < content.length; ) {
    const nested = readHeader(nonce, content, position);
    if (typeof nested === 'string' || !nested.isInGroup) return undefined;
    const start = position + HEADER_BYTES;
    position = start + nested.length;
    const batch = toBatch(nested, content.subarray(start, position));
    if (!batch) return undefined;
    batches.push(batch);
  }
  const isComplete = batches.reduce((sum, batch) => sum + batch.rows, 0) === rows;
  return isComplete ? { batches, rows, state } : undefined;
}

function toBatch({ rows, newestMs, length }: Header, lines: Buffer): Batch | undefined {
  if (lines.length !== length) return undefined;
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
