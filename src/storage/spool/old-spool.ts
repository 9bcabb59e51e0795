import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from '../../core/lazy-crypto.ts';
import {
  ENDED_PROCESS,
  getProcessIdentity,
  isProcessAlive,
  type ProcessIdentity,
} from '../../core/process-identity.ts';
import { isTableName, type TableName } from '../../core/schema/table-registry.ts';
import { assertTrustedFolder, UntrustedFileError } from '../../core/trusted-file.ts';
import type { Batch } from './batch.ts';
import { closeFile, readAt, readStats } from './file-io.ts';
import { LF } from './line-protocol-bytes.ts';
import { measureRowsOf } from './line-protocol-check.ts';
import { openSegmentFile } from './segment-file.ts';
import { removeFolderIfEmpty } from './spool-owner.ts';

// Before segments, each batch was a file, in a folder with the process ID of its owner.
const FOLDER_PATTERN = /^(\d+)-(\w*)-[0-9a-f]+$/;
const BATCH_PATTERN = /^\d+\.([a-z_]+)\.(\d+)\.(\d+)\.ilp$/;
const UNFINISHED_SUFFIX = '.part';

export interface OldSpoolImport {
  /** Whether rows of a table are accepted from other processes. */
  accepts(table: TableName): boolean;
  /** Whether the size limit allows a batch of this size. */
  canAdopt(bytes: number): boolean;
  /** Stores a batch. Its file is then deleted. */
  onBatch(batch: Batch): Promise<void>;
  /** Called after the deletion of a file from which `rows` rows can't be read, in `bytes` bytes. */
  onDamage(path: string, rows: number, bytes: number): void;
  /** Called for a file that is left alone. */
  onFailure(path: string, action: string, error: unknown): void;
}

/** Whether a folder has the name of a folder of an earlier version's spool. */
export function isOldFolderName(name: string): boolean {
  return FOLDER_PATTERN.test(name);
}

/** Returns a name for a folder of an earlier version's spool that no process owns. */
export function createOldOrphanName(): string {
  return formatFolderName(ENDED_PROCESS);
}

/**
 * Reads the batches of an earlier version's process that has ended, oldest first. Of a file that was cut, it
 * reads the complete lines. Never rejects.
 */
export async function importOldFolder(
  root: string,
  name: string,
  options: OldSpoolImport,
): Promise<void> {
  const [, pid, started = ''] = FOLDER_PATTERN.exec(name) ?? [];
  if (pid === undefined || isProcessAlive({ pid: Number(pid), started })) return;
  const orphan = join(root, name);
  try {
    assertTrustedFolder(orphan);
    const folder = join(root, formatFolderName(getProcessIdentity(process.pid)));
    // The rename is atomic, so only one process gets the folder.
    renameSync(orphan, folder);
    await importBatches(folder, orphan, options);
    removeFolderIfEmpty(folder);
    // Another attempt follows if some files can't be read now. Messages contain the name, so it stays the same.
    if (existsSync(folder)) renameSync(folder, orphan);
  } catch (error) {
    options.onFailure(orphan, 'renamed', error);
  }
}

/** @param reportedFolder folder for messages, because `folder` is a temporary name */
async function importBatches(
  folder: string,
  reportedFolder: string,
  { accepts, canAdopt, onBatch, onDamage, onFailure }: OldSpoolImport,
): Promise<void> {
  try {
    for (const file of readdirSync(folder).sort()) {
      const path = join(folder, file);
      const reportedPath = join(reportedFolder, file);
      try {
        const { batch, damagedRows, damagedBytes } = await readBatch(path, file);
        if (!accepts(batch.table)) {
          throw new UntrustedFileError(`services can't write to ${batch.table}`);
        }
        if (!canAdopt(batch.lines.length)) return;
        if (batch.rows > 0) await onBatch(batch);
        rmSync(path, { force: true });
        if (damagedRows > 0 || damagedBytes > 0) onDamage(reportedPath, damagedRows, damagedBytes);
      } catch (error) {
        onFailure(reportedPath, 'read', error);
      }
    }
  } catch (error) {
    onFailure(reportedFolder, 'listed', error);
  }
}

function formatFolderName({ pid, started }: ProcessIdentity): string {
  return `${pid}-${started}-${randomBytes(4).toString('hex')}`;
}

interface OldBatch {
  /** The complete lines of the file. */
  readonly batch: Batch;
  /** Number of rows in the name of the file that are not in `batch`. */
  readonly damagedRows: number;
  readonly damagedBytes: number;
}

/** @throws UntrustedFileError, or the error of the file system */
async function readBatch(path: string, file: string): Promise<OldBatch> {
  const isUnfinished = file.endsWith(UNFINISHED_SUFFIX);
  const name = isUnfinished ? file.slice(0, -UNFINISHED_SUFFIX.length) : file;
  const [, table = '', namedRows, newestMs] = BATCH_PATTERN.exec(name) ?? [];
  if (!isTableName(table)) throw new UntrustedFileError('it is not a file of the spool');
  const data = await readFile(path);
  const { bytes, rows } = measureRowsOf(table, data);
  // Without a valid line at its start, it is only a file of the spool if this line was cut.
  if (rows === 0 && data.includes(LF)) {
    throw new UntrustedFileError(`it contains lines that are not rows of ${table}`);
  }
  // An earlier version left empty files when the disk was full, and kept their rows in memory.
  const wasNeverWritten = isUnfinished && data.length === 0;
  return {
    batch: { table, rows, newestMs: Number(newestMs), lines: data.subarray(0, bytes) },
    damagedRows: wasNeverWritten ? 0 : Math.max(0, Number(namedRows) - rows),
    damagedBytes: data.length - bytes,
  };
}

/** @throws UntrustedFileError, or the error of the file system */
async function readFile(path: string): Promise<Buffer> {
  const fd = await openSegmentFile(path, true);
  try {
    const { size } = await readStats(fd);
    return await readAt(fd, Buffer.allocUnsafe(size), 0);
  } finally {
    await closeFile(fd);
  }
}
