import { constants, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from '../../core/crc32.ts';
import {
  closeFile,
  openFile,
  readAt,
  readStats,
  syncFile,
  syncPath,
  writeAt,
} from '../spool/file-io.ts';
import { openSegmentFile } from '../spool/segment-file.ts';
import { STATE_SNAPSHOT_FILE, UNFINISHED_STATE_SNAPSHOT_FILE } from '../spool/spool-owner.ts';

const MAGIC = Buffer.from('PSSTATE1');
const LENGTH_BYTES = 4;
const CRC_BYTES = 4;
const WRITE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
const FILE_MODE = 0o600;
/** Size of the data that is written at once. */
const WRITE_BYTES = 1024 * 1024;

/** The first part of a snapshot. */
export interface SnapshotHeader {
  /** Identifies the process that wrote the snapshot. */
  readonly owner: string;
  /** See `KnownSince`. */
  readonly sinceMs: number;
}

/**
 * Replaces the snapshot in the spool folder of this process. The old one stays complete until the new one is on the
 * disk. Between two chunks, other code can run.
 *
 * @throws the error of the file system
 */
export async function writeSnapshot(
  folder: string,
  header: SnapshotHeader,
  chunks: Iterable<Uint8Array>,
): Promise<void> {
  const path = join(folder, STATE_SNAPSHOT_FILE);
  const unfinished = join(folder, UNFINISHED_STATE_SNAPSHOT_FILE);
  try {
    const fd = await openFile(unfinished, WRITE_FLAGS, FILE_MODE);
    try {
      await writeChunks(fd, header, chunks);
      await syncFile(fd);
    } finally {
      await closeFile(fd);
    }
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  await syncPath(folder);
  // The folder can be new too.
  await syncPath(dirname(folder));
}

/** Deletes the snapshot in a folder. @throws the error of the file system */
export function deleteSnapshot(folder: string): void {
  rmSync(join(folder, STATE_SNAPSHOT_FILE), { force: true });
}

/**
 * Reads the snapshot in the spool folder of a process.
 *
 * @param onChunk called for each chunk, if the whole file is valid
 * @returns undefined if there is no snapshot
 * @throws UntrustedFileError, RangeError if the file is damaged, or the error of the file system
 */
export async function readSnapshot(
  folder: string,
  onChunk: (chunk: Uint8Array) => void,
): Promise<SnapshotHeader | undefined> {
  const data = await readFile(join(folder, STATE_SNAPSHOT_FILE));
  if (!data) return undefined;
  const content = data.subarray(0, Math.max(0, data.length - CRC_BYTES));
  const isComplete = content.subarray(0, MAGIC.length).equals(MAGIC);
  if (!isComplete || data.readUInt32LE(content.length) !== crc32(content)) {
    throw new RangeError('the file is damaged');
  }
  const [header, ...chunks] = splitChunks(content.subarray(MAGIC.length));
  if (!header) throw new RangeError('the file is damaged');
  for (const chunk of chunks) {
    onChunk(chunk);
    await nextTurn();
  }
  return JSON.parse(header.toString()) as SnapshotHeader;
}

async function writeChunks(
  fd: number,
  header: SnapshotHeader,
  chunks: Iterable<Uint8Array>,
): Promise<void> {
  let position = 0;
  let crc = 0;
  let bytes = 0;
  let parts: Buffer[] = [];
  const add = (part: Buffer) => {
    crc = crc32(part, crc);
    bytes += part.length;
    parts.push(part);
  };
  const flush = async () => {
    await writeAt(fd, parts, position);
    position += bytes;
    bytes = 0;
    parts = [];
  };
  const addChunk = (chunk: Buffer) => {
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt32LE(chunk.length);
    add(length);
    add(chunk);
  };
  add(MAGIC);
  addChunk(Buffer.from(JSON.stringify(header)));
  for (const chunk of chunks) {
    addChunk(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    if (bytes >= WRITE_BYTES) await flush();
    await nextTurn();
  }
  const end = Buffer.allocUnsafe(CRC_BYTES);
  end.writeUInt32LE(crc);
  parts.push(end);
  await flush();
}

function splitChunks(content: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let position = 0; position < content.length; ) {
    const start = position + LENGTH_BYTES;
    position = start + content.readUInt32LE(position);
    chunks.push(content.subarray(start, position));
  }
  return chunks;
}

async function readFile(path: string): Promise<Buffer | undefined> {
  let fd: number;
  try {
    fd = await openSegmentFile(path, true);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = await readStats(fd);
    return await readAt(fd, Buffer.allocUnsafeSlow(size), 0);
  } finally {
    await closeFile(fd);
  }
}
