import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createError, errorMessage, PerfscopeError } from '../../core/perfscope-error.ts';
import { assertDataDir, DataDirLock } from '../questdb/data-dir.ts';
import { createOldOrphanName, isOldFolderName } from '../spool/old-spool.ts';
import { createOrphanName, isOwnedFolderName } from '../spool/spool-owner.ts';
import {
  type BackupContents,
  type Manifest,
  readBackupContents,
  verifyFiles,
} from './backup-manifest.ts';
import { copyFile } from './copy-file.ts';

/** If this file exists at startup, QuestDB restores the checkpoint in its root folder. */
const TRIGGER_FILE = '_restore';

export interface RestoreOptions {
  readonly dataDir: string;
  /** Folder with the rows that QuestDB has not yet stored. */
  readonly spoolDir: string;
  /**
   * Whether to rename an existing data folder. If false, an existing data folder causes an error.
   */
  readonly force: boolean;
  readonly onProgress: (line: string) => void;
}

export interface RestoreResult {
  readonly manifest: Manifest;
  /** New path of the previous data folder, if there was one. */
  readonly movedTo: string | undefined;
}

/**
 * Verifies a backup and creates a data folder from it. The next server start completes the restore.
 *
 * @throws PS_BACKUP_DAMAGED if the backup is incomplete or was changed
 * @throws PS_FOLDER_NOT_EMPTY if the data folder exists, unless `force` is set
 * @throws PS_DATA_DIR_HELD if a server is using the data folder
 * @throws PS_NOT_A_DATA_DIR if the existing folder is not a data folder
 * @throws PS_RESTORE_FAILED for any other failure
 */
export async function restoreBackup(
  folder: string,
  options: RestoreOptions,
): Promise<RestoreResult> {
  const { dataDir, spoolDir } = options;
  const isEmpty = !existsSync(dataDir) || readdirSync(dataDir).length === 0;
  const tempFolder = `${dataDir}.${process.pid}.part`;
  let lock: DataDirLock | undefined;
  let movedTo: string | undefined;
  try {
    const { manifest, files } = await readBackupContents(folder);
    lock = isEmpty ? undefined : await acquireDataDir(dataDir, options.force);
    await copyFiles(folder, tempFolder, files, options.onProgress);
    lock?.release();
    if (!isEmpty) {
      movedTo = `${dataDir}.before-${new Date().toISOString().replaceAll(':', '')}`;
      await rename(dataDir, movedTo);
    } else if (existsSync(dataDir)) await rmdir(dataDir);
    await rename(tempFolder, dataDir);
    await moveSpool(join(dataDir, 'spool'), spoolDir);
    return { manifest, movedTo };
  } catch (error) {
    lock?.release();
    await rm(tempFolder, { recursive: true, force: true });
    if (error instanceof PerfscopeError) throw error;
    throw createError('PS_RESTORE_FAILED', { dataDir, reason: errorMessage(error) }, error);
  }
}

async function copyFiles(
  folder: string,
  tempFolder: string,
  files: BackupContents['files'],
  onProgress: (line: string) => void,
): Promise<void> {
  const newFolderNames = new Map<string, string>();
  let copied = 0;
  await verifyFiles(folder, files, async (file, path) => {
    onProgress(`Restoring file ${++copied} of ${files.size}`);
    const to = join(tempFolder, toUnownedPath(path, newFolderNames));
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    return copyFile(file, to);
  });
  await writeFile(join(tempFolder, 'questdb', TRIGGER_FILE), '');
}

/**
 * Returns the path of a spool file in a folder that no process owns. With the original name, no
 * process would adopt the folder while the original owner is running.
 */
function toUnownedPath(path: string, newFolderNames: Map<string, string>): string {
  const [, root, owner, file] = /^(spool|spool\/server)\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  if (root === undefined || owner === undefined || file === undefined) return path;
  const unowned = newFolderNames.get(owner) ?? createUnownedName(owner);
  if (unowned === undefined) return path;
  newFolderNames.set(owner, unowned);
  return join(root, unowned, file);
}

/** Returns undefined for a folder that does not belong to a process. */
function createUnownedName(folder: string): string | undefined {
  if (isOldFolderName(folder)) return createOldOrphanName();
  return isOwnedFolderName(folder) ? createOrphanName() : undefined;
}

async function moveSpool(from: string, to: string): Promise<void> {
  if (from === to || !existsSync(from)) return;
  await cp(from, to, { recursive: true });
  await rm(from, { recursive: true });
}

/** Locks an existing data folder. */
async function acquireDataDir(dataDir: string, force: boolean): Promise<DataDirLock> {
  assertDataDir(dataDir);
  const lock = await DataDirLock.acquire(dataDir);
  if (force) return lock;
  lock.release();
  throw createError('PS_FOLDER_NOT_EMPTY', { folder: dataDir, command: 'restore' });
}
