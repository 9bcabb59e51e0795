import { lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { randomBytes } from '../../core/lazy-crypto.ts';
import { isProcessAlive, type ProcessIdentity } from '../../core/process-identity.ts';
import { isTableName, type TableName } from '../../core/schema/table-registry.ts';
import {
  assertTrustedFile,
  assertTrustedFolder,
  UntrustedFileError,
} from '../../core/trusted-file.ts';

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

/** A folder with the folders of several processes. */
export interface SpoolRoot {
  readonly dir: string;
  /** Whether rows of a table are accepted from other processes. */
  readonly accepts: (table: TableName) => boolean;
}

/** Receives the failures of file operations, so that one failure doesn't affect other files. */
export interface SpoolProblemListener {
  /** @param action past participle, such as `deleted` */
  onFailure(action: string, error: unknown): void;
  onUntrusted(path: string, reason: string): void;
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

/** Suffix of a file that is still being written. */
export const UNFINISHED_SUFFIX = '.part';

const SPOOL_FOLDER_PATTERN = /^(\d+)-(\w*)-[0-9a-f]+$/;
const REFUSED_FOLDER = 'refused';

/**
 * Creates a folder in `root` whose name identifies its owner.
 *
 * @throws the error of the file system
 */
export function createSpoolFolder(root: string, owner: ProcessIdentity): string {
  const folder = join(root, createSpoolFolderName(owner));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * Takes over the folders of processes that have stopped. The rename is atomic, so only one process
 * gets each folder. If two processes still send the same batch, it is stored once, because QuestDB
 * removes rows with the same keys. Folders that other users can write to are ignored.
 *
 * @returns the folders, which `owner` now owns
 */
export function adoptOrphanedFolders(
  root: string,
  owner: ProcessIdentity,
  listener: SpoolProblemListener,
): string[] {
  return listFileNames(root, listener).flatMap((name) => {
    const [, pid, started] = SPOOL_FOLDER_PATTERN.exec(name) ?? [];
    if (pid === undefined || isProcessAlive({ pid: Number(pid), started: started ?? '' }))
      return [];
    const folder = join(root, name);
    const adopted = join(root, createSpoolFolderName(owner));
    try {
      assertTrustedFolder(folder);
      renameSync(folder, adopted);
    } catch (error) {
      if (error instanceof UntrustedFileError) listener.onUntrusted(folder, error.message);
      else if (!isMissing(error)) listener.onFailure('renamed', error);
      return [];
    }
    removeUnfinishedFiles(adopted, listener);
    return [adopted];
  });
}

/** A PID above the maximum PID (proc(5): 2^22), so no such process exists. */
const ENDED_PROCESS: ProcessIdentity = { pid: 2 ** 22 + 1, started: '0' };

/** Returns the name of a folder that no process owns. The next process adopts it. */
export function createOrphanedFolderName(): string {
  return createSpoolFolderName(ENDED_PROCESS);
}

/**
 * Returns the complete batches in a folder, oldest first. Moves files that can't be trusted to the
 * folder for rejected rows.
 */
export function listBatches(
  folder: string,
  root: SpoolRoot,
  listener: SpoolProblemListener,
): Batch[] {
  return listFileNames(folder, listener)
    .sort()
    .flatMap((name) => {
      const file = join(folder, name);
      const [, , table, rows, newestMs] = BATCH_FILE_PATTERN.exec(name) ?? [];
      if (table === undefined || !isTableName(table)) return [];
      try {
        if (!root.accepts(table)) throw new UntrustedFileError(`services can't write to ${table}`);
        const stats = lstatSync(file);
        assertTrustedFile(stats);
        const { size: bytes } = stats;
        const lines = undefined;
        return [{ table, rows: Number(rows), newestMs: Number(newestMs), bytes, file, lines }];
      } catch (error) {
        if (error instanceof UntrustedFileError) {
          listener.onUntrusted(file, error.message);
          moveToRefused(file, listener);
        } else if (!isMissing(error)) listener.onFailure('read', error);
        return [];
      }
    });
}

/**
 * Creates the folder for rejected rows in `root`.
 *
 * @throws UntrustedFileError, or the error of the file system
 */
export function createRefusedFolder(root: string): string {
  const refused = join(root, REFUSED_FOLDER);
  mkdirSync(refused, { recursive: true, mode: 0o700 });
  assertTrustedFolder(refused);
  return refused;
}

/** Moves a file of the spool to the folder for rejected rows. Never throws. */
export function moveToRefused(file: string, listener: SpoolProblemListener): void {
  try {
    const folder = dirname(file);
    const refused = createRefusedFolder(dirname(folder));
    renameSync(file, join(refused, `${basename(folder)}-${basename(file)}`));
  } catch (error) {
    listener.onFailure('moved', error);
  }
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
function removeUnfinishedFiles(folder: string, listener: SpoolProblemListener): void {
  for (const name of listFileNames(folder, listener)) {
    if (name.endsWith(UNFINISHED_SUFFIX)) removeFile(join(folder, name), listener);
  }
}

/** Deletes a file, if it exists. Never throws. */
export function removeFile(file: string, listener: SpoolProblemListener): void {
  try {
    rmSync(file, { force: true });
  } catch (error) {
    listener.onFailure('deleted', error);
  }
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function createSpoolFolderName(owner: ProcessIdentity): string {
  return `${owner.pid}-${owner.started}-${randomBytes(4).toString('hex')}`;
}

function listFileNames(folder: string, listener: SpoolProblemListener): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (!isMissing(error)) listener.onFailure('listed', error);
    return [];
  }
}
