import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { assertTrustedFolder } from '../../core/trusted-file.ts';
import { isOldFolderName } from './old-spool.ts';
import { measureSegmentFile } from './segment-file.ts';
import { parseSegmentName } from './segment-name.ts';
import { getSpoolRoot, SERVER_FOLDER } from './spool-adoption.ts';
import { isFolderOwned, isOwnedFolderName } from './spool-owner.ts';

/** Subfolders of a spool folder, in addition to the folders of processes. */
const SUBFOLDERS: ReadonlySet<string> = new Set([SERVER_FOLDER, 'dead-letters', 'refused']);

/** The segments of one process or worker thread. */
export interface SpoolFolder {
  readonly folder: string;
  /** Whether the process is running. Otherwise, another process takes over the rows. */
  readonly isRunning: boolean;
  readonly segments: number;
  /** Number of rows in the segments, including rows of running processes that QuestDB acknowledged in the last minute. */
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Returns the folders of all processes with segments. Folders that other processes don't take over are skipped, because
 * other users can change them.
 *
 * @param onUnreadable called for a file or a folder that can't be read
 */
export async function listSpool(
  dir: string,
  onUnreadable: (path: string, error: unknown) => void,
): Promise<SpoolFolder[]> {
  const folders: SpoolFolder[] = [];
  for (const root of [dir, getSpoolRoot(dir, true)]) {
    const names = listNames(root, root !== dir, onUnreadable);
    for (const name of names.filter(isOwnedFolderName)) {
      const folder = join(root, name);
      const isRunning = await isFolderOwned(root, name);
      const segments = await measureSegments(folder, !isRunning, onUnreadable);
      if (segments.length === 0) continue;
      folders.push({
        folder,
        isRunning,
        segments: segments.length,
        rows: segments.reduce((sum, { rows }) => sum + rows, 0),
        bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
      });
    }
  }
  return folders;
}

/** Whether a spool folder can contain a file or a folder with this name. */
export function isSpoolEntry(name: string): boolean {
  return SUBFOLDERS.has(name) || isOwnedFolderName(name) || isOldFolderName(name);
}

async function measureSegments(
  folder: string,
  mustBeTrusted: boolean,
  onUnreadable: (path: string, error: unknown) => void,
): Promise<{ rows: number; bytes: number }[]> {
  const segments: { rows: number; bytes: number }[] = [];
  for (const file of listNames(folder, mustBeTrusted, onUnreadable)) {
    const name = parseSegmentName(file);
    if (!name || name.isStored) continue;
    try {
      segments.push(await measureSegmentFile(join(folder, file), name));
    } catch (error) {
      // The rows were stored in the meantime.
      if (!isMissing(error)) onUnreadable(join(folder, file), error);
    }
  }
  return segments;
}

function listNames(
  folder: string,
  mustBeTrusted: boolean,
  onUnreadable: (path: string, error: unknown) => void,
): readonly string[] {
  try {
    if (mustBeTrusted) assertTrustedFolder(folder);
    return readdirSync(folder);
  } catch (error) {
    if (!isMissing(error)) onUnreadable(folder, error);
    return [];
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
