import { existsSync } from 'node:fs';
import { copyFile as copyWhole, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createError, errorMessage, PerfscopeError } from '../../core/perfscope-error.ts';
import { CREDENTIALS_FILE } from '../questdb/credentials.ts';
import { execSql } from '../questdb/exec-sql-http.ts';
import { QUESTDB_VERSION } from '../questdb/questdb-release.mjs';
import {
  listFiles,
  type Manifest,
  readBackupContents,
  verifyFiles,
  writeManifest,
} from './backup-manifest.ts';
import { copyFile, digestFile, type FileDigest } from './copy-file.ts';

const APPLY_TIMEOUT_MS = 120_000;
const POLL_INTERVAL_MS = 100;
/** Creating a checkpoint can take a while, because QuestDB copies the state of every table. */
const CHECKPOINT_TIMEOUT_MS = 120_000;

/**
 * Runs `copy` while a QuestDB checkpoint keeps a consistent version of all files. The files contain
 * all rows that QuestDB acknowledged before the call. Writes continue during the checkpoint.
 *
 * @throws PS_BACKUP_FAILED if another checkpoint is active, or if QuestDB can't apply acknowledged
 * rows
 */
async function withCheckpoint<T>(target: WriteTarget, copy: () => Promise<T>): Promise<T> {
  const { dataset } = await execSql(
    target,
    'SELECT in_progress, started_at FROM checkpoint_status()',
  );
  const [inProgress, since] = dataset[0] ?? [];
  if (inProgress === true) {
    const reason = `another QuestDB checkpoint has been active since ${since}; if no other backup is running, release it with --release`;
    throw createError('PS_BACKUP_FAILED', { reason });
  }
  await waitUntilApplied(target);
  await execSql(target, 'CHECKPOINT CREATE', { timeoutMs: CHECKPOINT_TIMEOUT_MS });
  try {
    return await copy();
  } finally {
    await releaseCheckpoint(target);
  }
}

/** Releases the checkpoint, so that QuestDB can delete old files again. */
export async function releaseCheckpoint(target: WriteTarget): Promise<void> {
  await execSql(target, 'CHECKPOINT RELEASE', { timeoutMs: CHECKPOINT_TIMEOUT_MS });
}

/**
 * Waits until acknowledged rows are in the tables. Until then, they are in the WAL, which
 * checkpoints don't include.
 */
async function waitUntilApplied(target: WriteTarget): Promise<void> {
  const queryWalStates = async () => {
    const { dataset } = await execSql(
      target,
      'SELECT name, suspended, writerTxn, sequencerTxn FROM wal_tables()',
    );
    return dataset.map(([name, suspended, appliedTxn, acknowledgedTxn]) => ({
      name: String(name),
      suspended: suspended === true,
      appliedTxn: Number(appliedTxn),
      acknowledgedTxn: Number(acknowledgedTxn),
    }));
  };
  const targetTxns = new Map(
    (await queryWalStates()).map(({ name, acknowledgedTxn }) => [name, acknowledgedTxn]),
  );
  const deadline = Date.now() + APPLY_TIMEOUT_MS;
  for (;;) {
    const lagging = (await queryWalStates()).filter(
      ({ name, appliedTxn }) => appliedTxn < (targetTxns.get(name) ?? 0),
    );
    if (lagging.length === 0) return;
    const suspended = lagging.find((table) => table.suspended);
    const reason = suspended
      ? `QuestDB suspended table ${suspended.name}; resume it with ALTER TABLE … RESUME WAL`
      : `QuestDB did not apply all rows within ${APPLY_TIMEOUT_MS / 1000} s`;
    if (suspended || Date.now() > deadline) throw createError('PS_BACKUP_FAILED', { reason });
    await delay(POLL_INTERVAL_MS);
  }
}

export interface BackupOptions {
  readonly target: WriteTarget;
  readonly dataDir: string;
  /** Folder with the rows that QuestDB has not yet stored. */
  readonly spoolDir: string;
  /** Cancels the backup and deletes the incomplete files. */
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** Subfolders of the QuestDB root folder that contain its data. */
const DATA_FOLDERS = ['db', '.checkpoint'];

/** Checks that a backup can create this folder. @throws PS_FOLDER_NOT_EMPTY if it exists */
export function assertNewFolder(folder: string): void {
  if (existsSync(folder)) throw createError('PS_FOLDER_NOT_EMPTY', { folder, command: 'backup' });
}

/**
 * Copies all rows in QuestDB and in the spool to `folder`. The folder is created only after the
 * backup is complete and has been verified.
 *
 * @throws PS_FOLDER_NOT_EMPTY if the folder exists
 * @throws PS_BACKUP_FAILED if the backup can't be completed
 */
export async function createBackup(folder: string, options: BackupOptions): Promise<Manifest> {
  assertNewFolder(folder);
  const tempFolder = `${folder}.${process.pid}.part`;
  try {
    await mkdir(tempFolder, { recursive: true, mode: 0o700 });
    const copied = new Map<string, FileDigest>();
    // Copy the spool first. Rows that leave it during the copy are in QuestDB before the
    // checkpoint.
    await copyTree(options.spoolDir, join(tempFolder, 'spool'), {
      ...options,
      copied,
      as: 'spool',
    });
    const tables = await queryRowCounts(options.target);
    await withCheckpoint(options.target, async () => {
      for (const part of DATA_FOLDERS) {
        const as = `questdb/${part}`;
        await copyTree(join(options.dataDir, as), join(tempFolder, as), { ...options, copied, as });
      }
    });
    await copyWhole(join(options.dataDir, CREDENTIALS_FILE), join(tempFolder, CREDENTIALS_FILE));
    copied.set(CREDENTIALS_FILE, await digestFile(join(tempFolder, CREDENTIALS_FILE)));
    const manifest = await writeManifest(tempFolder, copied, {
      version: getPackageVersion(),
      questdbVersion: QUESTDB_VERSION,
      tables,
    });
    const { files } = await readBackupContents(tempFolder);
    let checked = 0;
    await verifyFiles(tempFolder, files, (file) => {
      options.signal.throwIfAborted();
      options.onProgress(`Verifying file ${++checked} of ${files.size}`);
      return digestFile(file);
    });
    await rename(tempFolder, folder);
    return manifest;
  } catch (error) {
    await rm(tempFolder, { recursive: true, force: true });
    if (error instanceof PerfscopeError) throw error;
    throw createError('PS_BACKUP_FAILED', { reason: errorMessage(error) }, error);
  }
}

async function copyTree(
  from: string,
  to: string,
  options: Pick<BackupOptions, 'signal' | 'onProgress'> & {
    copied: Map<string, FileDigest>;
    as: string;
  },
): Promise<void> {
  if (!existsSync(from)) return;
  const done = new Set<string>();
  let hasMissing = false;
  for (;;) {
    const paths = listFiles(from).filter((path) => !path.endsWith('.part') && !done.has(path));
    for (const [i, path] of paths.entries()) {
      options.signal.throwIfAborted();
      options.onProgress(`Copying ${options.as}: file ${i + 1} of ${paths.length}`);
      done.add(path);
      await mkdir(dirname(join(to, path)), { recursive: true, mode: 0o700 });
      try {
        options.copied.set(
          `${options.as}/${path}`,
          await copyFile(join(from, path), join(to, path)),
        );
      } catch (error) {
        // Ignore files that were deleted: segments with stored rows, and applied WAL files. Their rows
        // are copied later.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        await rm(join(to, path), { force: true });
        hasMissing = true;
      }
    }
    // A missing file can have been renamed, for example when a segment is complete.
    if (!hasMissing) return;
    hasMissing = false;
  }
}

async function queryRowCounts(target: WriteTarget): Promise<Manifest['tables']> {
  const { dataset } = await execSql(
    target,
    'SELECT tableName, rowCount FROM table_storage() ORDER BY tableName',
  );
  return dataset.map(([name, rows]) => ({ name: String(name), rows: Number(rows) }));
}

function getPackageVersion(): string {
  const packageJson = createRequire(import.meta.url)('../../../package.json') as {
    version: string;
  };
  return packageJson.version;
}
