import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { randomBytes } from '../../core/lazy-crypto.ts';
import { isProcessAlive, type ProcessIdentity } from '../../core/process-identity.ts';
import { isTableName, type TableName } from '../../core/schema/table-registry.ts';

/** Encoded rows of one table. */
export interface Batch {
  readonly table: TableName;
  readonly rows: number;
  /** Timestamp of the newest row, in ms since the epoch. */
  readonly newestMs: number;
  readonly bytes: number;
  /** Path of the batch file. Undefined if the spool is not writable. */
  file: string | undefined;
  /** The encoded rows, if they are still in memory. */
  lines: Buffer | undefined;
}

const BATCH_FILE_PATTERN = /^(\d+)\.([a-z_]+)\.(\d+)\.(\d+)\.ilp$/;

/**
 * Returns a file name that contains the table, the row count, and the age of a batch. `seq` orders
 * the files.
 */
export function formatBatchFileName(
  seq: number,
  batch: Pick<Batch, 'table' | 'rows' | 'newestMs'>,
): string {
  return `${String(seq).padStart(12, '0')}.${batch.table}.${batch.rows}.${Math.round(batch.newestMs)}.ilp`;
}

/** Returns the batch in a file, or undefined if the file is not a complete batch. */
function parseBatchFile(folder: string, name: string, bytes: number): Batch | undefined {
  const [, , table, rows, newestMs] = BATCH_FILE_PATTERN.exec(name) ?? [];
  if (table === undefined || !isTableName(table)) return undefined;
  return {
    table,
    rows: Number(rows),
    newestMs: Number(newestMs),
    bytes,
    file: `${folder}/${name}`,
    lines: undefined,
  };
}

/** Suffix of a file that is still being written. */
export const UNFINISHED_SUFFIX = '.part';

const SPOOL_FOLDER_PATTERN = /^(\d+)-(\w*)-[0-9a-f]+$/;

/** Creates a folder in `root` whose name identifies its owner. */
export function createSpoolFolder(root: string, owner: ProcessIdentity): string {
  const folder = join(root, createSpoolFolderName(owner));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * Takes over the folders of processes that have stopped. The rename is atomic, so only one process
 * gets each folder. If two processes still send the same batch, it is stored once, because QuestDB
 * removes rows with the same keys.
 *
 * @returns the folders, which `owner` now owns
 */
export function adoptOrphanedFolders(root: string, owner: ProcessIdentity): string[] {
  return listFileNames(root).flatMap((name) => {
    const [, pid, started] = SPOOL_FOLDER_PATTERN.exec(name) ?? [];
    if (pid === undefined || isProcessAlive({ pid: Number(pid), started: started ?? '' }))
      return [];
    const adopted = join(root, createSpoolFolderName(owner));
    try {
      renameSync(join(root, name), adopted);
      removeUnfinishedFiles(adopted);
      return [adopted];
    } catch {
      return [];
    }
  });
}

/** A PID above the maximum PID (proc(5): 2^22), so no such process exists. */
const ENDED_PROCESS: ProcessIdentity = { pid: 2 ** 22 + 1, started: '0' };

/** Returns the name of a folder that no process owns. The next process adopts it. */
export function createOrphanedFolderName(): string {
  return createSpoolFolderName(ENDED_PROCESS);
}

/** Returns the complete batches in a folder, oldest first. */
export function listBatches(folder: string): Batch[] {
  return listFileNames(folder)
    .sort()
    .flatMap((name) => {
      try {
        return parseBatchFile(folder, name, statSync(join(folder, name)).size) ?? [];
      } catch {
        return [];
      }
    });
}

/** Deletes a folder if it is empty. */
export function removeFolderIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // The folder is not empty, or it no longer exists.
  }
}

/** Deletes a folder if it is empty. Otherwise, renames it so that no process owns it. */
export function releaseFolder(folder: string): void {
  removeFolderIfEmpty(folder);
  try {
    renameSync(folder, join(dirname(folder), createOrphanedFolderName()));
  } catch {
    // The folder was empty, or it can't be renamed. Then other processes send its rows when this process has ended.
  }
}

/** Deletes the incomplete files of a process that stopped during a write. */
function removeUnfinishedFiles(folder: string): void {
  for (const name of listFileNames(folder)) {
    if (name.endsWith(UNFINISHED_SUFFIX)) rmSync(join(folder, name), { force: true });
  }
}

function createSpoolFolderName(owner: ProcessIdentity): string {
  return `${owner.pid}-${owner.started}-${randomBytes(4).toString('hex')}`;
}

function listFileNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
