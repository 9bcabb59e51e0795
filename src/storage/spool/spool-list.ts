import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { measureSegmentFile } from './segment-file.ts';
import { parseSegmentName } from './segment-name.ts';
import { isFolderOwned, isOwnedFolderName } from './spool-owner.ts';

/** Subfolder for the rows of servers and commands. */
const SERVER_FOLDER = 'server';

/** The segments of one process or worker thread. They can contain rows that were stored in the last minute. */
export interface SpoolFolder {
  readonly folder: string;
  readonly owner: 'services' | 'server';
  /** Whether the process is running. Otherwise, another process takes over the rows. */
  readonly isRunning: boolean;
  readonly segments: number;
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Returns the folders of all processes with segments.
 *
 * @param onUnreadable called for a file or a folder that can't be read
 */
export async function listSpool(
  dir: string,
  onUnreadable: (path: string, error: unknown) => void,
): Promise<SpoolFolder[]> {
  const folders: SpoolFolder[] = [];
  for (const owner of ['services', 'server'] as const) {
    const root = owner === 'server' ? join(dir, SERVER_FOLDER) : dir;
    for (const name of listNames(root, onUnreadable).filter(isOwnedFolderName)) {
      const segments = await measureSegments(join(root, name), onUnreadable);
      if (segments.length === 0) continue;
      folders.push({
        ...{ folder: join(root, name), owner, segments: segments.length },
        isRunning: await isFolderOwned(root, name),
        rows: segments.reduce((sum, { rows }) => sum + rows, 0),
        bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
      });
    }
  }
  return folders;
}

async function measureSegments(
  folder: string,
  onUnreadable: (path: string, error: unknown) => void,
): Promise<{ rows: number; bytes: number }[]> {
  const segments: { rows: number; bytes: number }[] = [];
  for (const file of listNames(folder, onUnreadable)) {
    const name = parseSegmentName(file);
    if (!name) continue;
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
  onUnreadable: (path: string, error: unknown) => void,
): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (!isMissing(error)) onUnreadable(folder, error);
    return [];
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
