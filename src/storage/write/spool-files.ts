import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isProcessAlive, type ProcessIdentity } from '../../core/process-identity.ts';
import { isTableName, type TableName } from '../../core/schema/table-registry.ts';

/** Encoded rows of one table, on their way to QuestDB. */
export interface Batch {
  readonly table: TableName;
  readonly rows: number;
  /** ms since the epoch of its newest row. */
  readonly newestMs: number;
  readonly bytes: number;
  /** Where it is kept on disk; undefined while the spool cannot be written. */
  file: string | undefined;
  /** Its lines, as long as they are also in memory. */
  lines: Buffer | undefined;
}

const BATCH_FILE_PATTERN = /^(\d+)\.([a-z_]+)\.(\d+)\.(\d+)\.ilp$/;

/** The file's name says all that is needed to send, count or drop it. `seq` orders the files. */
export function formatBatchFileName(
  seq: number,
  batch: Pick<Batch, 'table' | 'rows' | 'newestMs'>,
): string {
  return `${String(seq).padStart(12, '0')}.${batch.table}.${batch.rows}.${Math.round(batch.newestMs)}.ilp`;
}

/** The batch that a file holds; undefined when it is not a finished batch of ours. */
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

/** Ending of a file that is being written. */
export const UNFINISHED_SUFFIX = '.part';

const SPOOL_FOLDER_PATTERN = /^(\d+)-(\w*)-[0-9a-f]+$/;

/** Makes a folder under `root` that is marked as `owner`'s. */
export function createSpoolFolder(root: string, owner: ProcessIdentity): string {
  const folder = join(root, createSpoolFolderName(owner));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * Takes over the folders of processes that have ended: the rename is atomic, so of several that
 * try only one gets each. What two send nevertheless is stored once, because rows keep their keys.
 *
 * @returns the folders, now `owner`'s
 */
export function adoptOrphanedFolders(root: string, owner: ProcessIdentity): string[] {
  return listFileNames(root).flatMap((name) => {
    const [, pid, started] = SPOOL_FOLDER_PATTERN.exec(name) ?? [];
    if (pid === undefined || isProcessAlive({ pid: Number(pid), started: started ?? '' }))
      return [];
    const mine = join(root, createSpoolFolderName(owner));
    try {
      renameSync(join(root, name), mine);
      removeUnfinishedFiles(mine);
      return [mine];
    } catch {
      return [];
    }
  });
}

/** Beyond the largest number that a process can have (proc(5): 2^22). */
const ENDED_PROCESS: ProcessIdentity = { pid: 2 ** 22 + 1, started: '0' };

/** A name for a folder that the next process adopts. */
export function createOrphanedFolderName(): string {
  return createSpoolFolderName(ENDED_PROCESS);
}

/** The finished batches of a folder, oldest first. */
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

/** Removes a folder that has become empty. */
export function removeFolderIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Not empty, or gone already: both are fine.
  }
}

/** What a process was about to write when it ended is not whole. */
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
