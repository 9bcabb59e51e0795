import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createError, errorMessage, PerfscopeError } from '../../core/errors.ts';
import { assertDataDir, DataDirLock } from '../questdb/data-dir.ts';
import { createOrphanedFolderName } from '../write/spool-files.ts';
import {
  type BackupContents,
  type Manifest,
  readBackupContents,
  verifyFiles,
} from './backup-manifest.ts';
import { copyFile } from './copy-file.ts';

/** Tells QuestDB at its start to go back to the checkpoint beside its data. */
const TRIGGER_FILE = '_restore';

export interface RestoreOptions {
  readonly dataDir: string;
  /** Where rows wait for QuestDB. */
  readonly spoolDir: string;
  /** Move a data folder that is there out of the way. */
  readonly force: boolean;
  readonly onProgress: (line: string) => void;
}

export interface RestoreResult {
  readonly manifest: Manifest;
  /** Where the data folder of before is now. */
  readonly movedTo: string | undefined;
}

/**
 * Makes a data folder of a backup, if all of it is as it was. The next start of the server completes it.
 *
 * @throws PS_BACKUP_DAMAGED; PS_FOLDER_NOT_EMPTY; PS_DATA_DIR_HELD while a server uses the folder;
 *   PS_NOT_A_DATA_DIR when something else is there; PS_RESTORE_FAILED
 */
export async function restoreBackup(
  folder: string,
  options: RestoreOptions,
): Promise<RestoreResult> {
  const { dataDir, spoolDir } = options;
  const isEmpty = !existsSync(dataDir) || readdirSync(dataDir).length === 0;
  const lock = isEmpty ? undefined : await acquireDataDir(dataDir, options.force);
  const draft = `${dataDir}.${process.pid}.part`;
  let movedTo: string | undefined;
  try {
    const { manifest, files } = await readBackupContents(folder);
    await copyFiles(folder, draft, files, options.onProgress);
    lock?.release();
    if (!isEmpty) {
      movedTo = `${dataDir}.before-${new Date().toISOString().replaceAll(':', '')}`;
      await rename(dataDir, movedTo);
    } else if (existsSync(dataDir)) await rmdir(dataDir);
    await rename(draft, dataDir);
    await moveSpool(join(dataDir, 'spool'), spoolDir);
    return { manifest, movedTo };
  } catch (error) {
    lock?.release();
    await rm(draft, { recursive: true, force: true });
    if (error instanceof PerfscopeError) throw error;
    throw createError('PS_RESTORE_FAILED', { dataDir, reason: errorMessage(error) }, error);
  }
}

async function copyFiles(
  folder: string,
  draft: string,
  files: BackupContents['files'],
  onProgress: (line: string) => void,
): Promise<void> {
  const owners = new Map<string, string>();
  let copied = 0;
  await verifyFiles(folder, files, async (file, path) => {
    onProgress(`Restoring file ${++copied} of ${files.size}`);
    const to = join(draft, toUnownedPath(path, owners));
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    return copyFile(file, to);
  });
  await writeFile(join(draft, 'questdb', TRIGGER_FILE), '');
}

/** Waiting rows belong to processes, which may still run: the restored ones belong to nobody. */
function toUnownedPath(path: string, owners: Map<string, string>): string {
  const [, owner, file] = /^spool\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  if (owner === undefined || file === undefined || owner === 'refused') return path;
  const nobodys = owners.get(owner) ?? createOrphanedFolderName();
  owners.set(owner, nobodys);
  return join('spool', nobodys, file);
}

async function moveSpool(from: string, to: string): Promise<void> {
  if (from === to || !existsSync(from)) return;
  await cp(from, to, { recursive: true });
  await rm(from, { recursive: true });
}

/** Takes a data folder that nobody uses. */
async function acquireDataDir(dataDir: string, force: boolean): Promise<DataDirLock> {
  assertDataDir(dataDir);
  const lock = await DataDirLock.acquire(dataDir);
  if (force) return lock;
  lock.release();
  throw createError('PS_FOLDER_NOT_EMPTY', { folder: dataDir });
}
