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
import { containsOnlyRowsOf } from './line-protocol-check.ts';
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

/** Reads the batches of an earlier version's process that has ended, oldest first. */
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
    const folder = renameFolder(root, orphan, getProcessIdentity(process.pid));
    await importBatches(folder, options);
    removeFolderIfEmpty(folder);
    // If some files can't be read now, another attempt follows.
    if (existsSync(folder)) renameFolder(root, folder, ENDED_PROCESS);
  } catch (error) {
    options.onFailure(orphan, 'renamed', error);
  }
}

async function importBatches(
  folder: string,
  { accepts, canAdopt, onBatch, onFailure }: OldSpoolImport,
): Promise<void> {
  try {
    for (const file of readdirSync(folder).sort()) {
      const path = join(folder, file);
      try {
        const batch = file.endsWith(UNFINISHED_SUFFIX) ? undefined : await readBatch(path, file);
        if (batch && !accepts(batch.table)) {
          throw new UntrustedFileError(`services can't write to ${batch.table}`);
        }
        if (batch && !canAdopt(batch.lines.length)) return;
        if (batch) await onBatch(batch);
        rmSync(path, { force: true });
      } catch (error) {
        onFailure(path, 'read', error);
      }
    }
  } catch (error) {
    onFailure(folder, 'listed', error);
  }
}

/** Changes the owner of a folder. The rename is atomic, so only one process gets it. */
function renameFolder(root: string, folder: string, owner: ProcessIdentity): string {
  const renamed = join(root, formatFolderName(owner));
  renameSync(folder, renamed);
  return renamed;
}

function formatFolderName({ pid, started }: ProcessIdentity): string {
  return `${pid}-${started}-${randomBytes(4).toString('hex')}`;
}

/** @throws UntrustedFileError, or the error of the file system */
async function readBatch(path: string, file: string): Promise<Batch> {
  const [, table = '', rows, newestMs] = BATCH_PATTERN.exec(file) ?? [];
  if (!isTableName(table)) throw new UntrustedFileError('it is not a file of the spool');
  const fd = await openSegmentFile(path, true);
  try {
    const { size } = await readStats(fd);
    const lines = await readAt(fd, Buffer.allocUnsafe(size), 0);
    if (containsOnlyRowsOf(table, lines)) {
      return { table, rows: Number(rows), newestMs: Number(newestMs), lines };
    }
    throw new UntrustedFileError(`it contains lines that are not rows of ${table}`);
  } finally {
    await closeFile(fd);
  }
}
