import { basename } from 'node:path';
import {
  assertTrustedFile,
  isSymlinkError,
  TRUSTED_READ_FLAGS,
  UntrustedFileError,
} from '../../core/trusted-file.ts';
import type { Batch } from './batch.ts';
import { closeFile, openFile, readAt, readStats } from './file-io.ts';
import { parseSegmentName, type SegmentName } from './segment-name.ts';
import { scanRecords } from './segment-record.ts';

const SCAN_BYTES = 1024 * 1024;

/**
 * Opens a segment for reading.
 *
 * @param isForeign whether another process wrote the file. Then it must belong to the current user, and
 * no other user must be able to write to it.
 * @throws UntrustedFileError, or the error of the file system
 */
export async function openSegmentFile(path: string, isForeign: boolean): Promise<number> {
  const fd = await openFile(path, TRUSTED_READ_FLAGS).catch((error: unknown) => {
    throw isSymlinkError(error) ? new UntrustedFileError('it is a symbolic link') : error;
  });
  try {
    if (isForeign) assertTrustedFile(await readStats(fd));
    return fd;
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
}

/**
 * Returns the size of a segment and its number of rows, including the rows of damaged records. Reads the
 * whole file if its name doesn't contain the number of rows.
 *
 * @throws UntrustedFileError, or the error of the file system
 */
export async function measureSegmentFile(
  path: string,
  { nonce, rows }: SegmentName,
): Promise<{ bytes: number; rows: number }> {
  const fd = await openSegmentFile(path, true);
  try {
    const { size: bytes } = await readStats(fd);
    return { bytes, rows: rows ?? (await readRecords(fd, nonce, bytes)) };
  } finally {
    await closeFile(fd);
  }
}

/** Receives the content of a segment. It can change after the call. */
export interface SegmentVisitor {
  onBatch?(batch: Batch): void;
  onState?(state: Buffer): void;
}

/**
 * Passes the content of a segment to a visitor, without damaged records.
 *
 * @throws UntrustedFileError, or the error of the file system
 */
export async function readSegmentFile(path: string, visitor: SegmentVisitor): Promise<void> {
  const name = parseSegmentName(basename(path));
  if (!name) return;
  const fd = await openSegmentFile(path, true);
  try {
    const { size } = await readStats(fd);
    await readRecords(fd, name.nonce, size, visitor);
  } finally {
    await closeFile(fd);
  }
}

/** Returns the number of rows. Rows of damaged records are included. */
async function readRecords(
  fd: number,
  nonce: Buffer,
  size: number,
  visitor: SegmentVisitor = {},
): Promise<number> {
  let rows = 0;
  let length = SCAN_BYTES;
  for (let position = 0; position < size; ) {
    const buffer = Buffer.allocUnsafe(Math.min(length, size - position));
    const data = await readAt(fd, buffer, position);
    if (data.length === 0) break;
    const records = scanRecords(nonce, data, rows, position + data.length >= size);
    for (const batch of records.batches) visitor.onBatch?.(batch);
    for (const state of records.states) visitor.onState?.(state);
    rows = records.rowsBefore;
    position += records.bytes;
    length = Math.max(SCAN_BYTES, records.bytesNeeded);
  }
  return rows;
}
