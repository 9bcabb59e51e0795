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

/**
 * Calls `onBatch` for each batch of a segment, without damaged ones. The batches can change afterward.
 *
 * @throws UntrustedFileError, or the error of the file system
 */
export async function readSegmentFile(
  path: string,
  onBatch: (batch: Batch) => void,
): Promise<void> {
  const name = parseSegmentName(basename(path));
  if (!name) return;
  const fd = await openSegmentFile(path, true);
  try {
    const { size } = await readStats(fd);
    await readRecords(fd, name.nonce, size, onBatch);
  } finally {
    await closeFile(fd);
  }
}

/** Returns the number of rows. Rows of damaged records are included. */
async function readRecords(
  fd: number,
  nonce: Buffer,
  size: number,
  onBatch: (batch: Batch) => void = () => {},
): Promise<number> {
  let rows = 0;
  let length = SCAN_BYTES;
  for (let position = 0; position < size; ) {
    const buffer = Buffer.allocUnsafe(Math.min(length, size - position));
    const data = await readAt(fd, buffer, position);
    if (data.length === 0) break;
    const records = scanRecords(nonce, data, rows, position + data.length >= size);
    for (const batch of records.batches) onBatch(batch);
    rows = records.rowsBefore;
    position += records.bytes;
    length = Math.max(SCAN_BYTES, records.bytesNeeded);
  }
  return rows;
}
