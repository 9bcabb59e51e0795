import { existsSync } from 'node:fs';
import { copyFile as copyWhole, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createError, errorMessage, PerfscopeError } from '../../core/errors.ts';
import { CREDENTIALS_FILE } from '../questdb/data-dir.ts';
import { execSql } from '../questdb/questdb-http.ts';
import { QUESTDB_VERSION } from '../questdb/questdb-jar.mjs';
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
/** It copies the state of every table. */
const CHECKPOINT_TIMEOUT_MS = 120_000;

/**
 * Runs `copy` while QuestDB keeps the files of one moment. What was acknowledged before the call is
 * in them. Writing goes on meanwhile.
 *
 * @throws PS_BACKUP_FAILED when another checkpoint is held, or QuestDB can't apply what it has taken
 */
export async function withCheckpoint<T>(target: WriteTarget, copy: () => Promise<T>): Promise<T> {
  const { dataset } = await execSql(
    target,
    'SELECT in_progress, started_at FROM checkpoint_status()',
  );
  const [inProgress, since] = dataset[0] ?? [];
  if (inProgress === true) {
    const reason = `QuestDB holds another checkpoint since ${since}; if no backup runs, end it with --release`;
    throw createError('PS_BACKUP_FAILED', { reason });
  }
  await waitUntilApplied(target);
  await execSql(target, 'CHECKPOINT CREATE', CHECKPOINT_TIMEOUT_MS);
  try {
    return await copy();
  } finally {
    await releaseCheckpoint(target);
  }
}

/** Lets QuestDB remove old files again. */
export async function releaseCheckpoint(target: WriteTarget): Promise<void> {
  await execSql(target, 'CHECKPOINT RELEASE', CHECKPOINT_TIMEOUT_MS);
}

/** What is acknowledged is in a log first, which a checkpoint does not hold. */
async function waitUntilApplied(target: WriteTarget): Promise<void> {
  const states = async () => {
    const { dataset } = await execSql(
      target,
      'SELECT name, suspended, writerTxn, sequencerTxn FROM wal_tables()',
    );
    return dataset.map(([name, suspended, written, taken]) => ({
      name: String(name),
      suspended: suspended === true,
      written: Number(written),
      taken: Number(taken),
    }));
  };
  const wanted = new Map((await states()).map(({ name, taken }) => [name, taken]));
  const deadline = Date.now() + APPLY_TIMEOUT_MS;
  for (;;) {
    const waiting = (await states()).filter(
      ({ name, written }) => written < (wanted.get(name) ?? 0),
    );
    if (waiting.length === 0) return;
    const suspended = waiting.find((table) => table.suspended);
    const reason = suspended
      ? `QuestDB has suspended ${suspended.name}; resume it with ALTER TABLE … RESUME WAL`
      : 'QuestDB does not keep up with what is written';
    if (suspended || Date.now() > deadline) throw createError('PS_BACKUP_FAILED', { reason });
    await delay(POLL_INTERVAL_MS);
  }
}

export interface BackupOptions {
  readonly target: WriteTarget;
  readonly dataDir: string;
  /** Where rows wait for QuestDB. */
  readonly spoolDir: string;
  /** Ends it; nothing of the backup is left then. */
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** Parts of QuestDB's root folder that make up its data. */
const DATA_FOLDERS = ['db', '.checkpoint'];

/**
 * Copies all that was stored or waiting before the call into `folder`, which appears when it is
 * whole and has been read again.
 *
 * @throws PS_FOLDER_NOT_EMPTY, PS_BACKUP_FAILED
 */
export async function createBackup(folder: string, options: BackupOptions): Promise<Manifest> {
  if (existsSync(folder)) throw createError('PS_FOLDER_NOT_EMPTY', { folder });
  const draft = `${folder}.${process.pid}.part`;
  try {
    await mkdir(draft, { recursive: true, mode: 0o700 });
    const copied = new Map<string, FileDigest>();
    // Waiting rows first: what leaves the spool meanwhile is in QuestDB before its checkpoint.
    await copyTree(options.spoolDir, join(draft, 'spool'), { ...options, copied, as: 'spool' });
    const tables = await queryRowCounts(options.target);
    await withCheckpoint(options.target, async () => {
      for (const part of DATA_FOLDERS) {
        const as = `questdb/${part}`;
        await copyTree(join(options.dataDir, as), join(draft, as), { ...options, copied, as });
      }
    });
    await copyWhole(join(options.dataDir, CREDENTIALS_FILE), join(draft, CREDENTIALS_FILE));
    copied.set(CREDENTIALS_FILE, await digestFile(join(draft, CREDENTIALS_FILE)));
    const manifest = await writeManifest(draft, copied, {
      version: getPackageVersion(),
      questdbVersion: QUESTDB_VERSION,
      tables,
    });
    const { files } = await readBackupContents(draft);
    let read = 0;
    await verifyFiles(draft, files, (file) => {
      options.signal.throwIfAborted();
      options.onProgress(`Checking file ${++read} of ${files.size}`);
      return digestFile(file);
    });
    await rename(draft, folder);
    return manifest;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
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
  const paths = listFiles(from).filter((path) => !path.endsWith('.part'));
  for (const [i, path] of paths.entries()) {
    options.signal.throwIfAborted();
    options.onProgress(`Copying ${options.as}: file ${i + 1} of ${paths.length}`);
    await mkdir(dirname(join(to, path)), { recursive: true, mode: 0o700 });
    try {
      options.copied.set(`${options.as}/${path}`, await copyFile(join(from, path), join(to, path)));
    } catch (error) {
      // A batch that has been sent, or a log that has been applied, belongs to what is copied later.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await rm(join(to, path), { force: true });
    }
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
  const own = createRequire(import.meta.url)('../../../package.json') as { version: string };
  return own.version;
}
