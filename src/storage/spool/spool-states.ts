import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { assertTrustedFolder } from '../../core/trusted-file.ts';
import { readSegmentFile } from './segment-file.ts';
import { parseSegmentName } from './segment-name.ts';
import { isFolderOwned, isOwnedFolderName } from './spool-owner.ts';

/** Number of times the folders are listed. Other processes can move and delete segments in the meantime. */
const MAX_PASSES = 10;

/** The folder of a process in the spool of the servers. */
export interface StateFolder {
  readonly path: string;
  readonly isRunning: boolean;
}

/** Returns the folders of all processes. Folders that other users can change are left out. */
export async function listStateFolders(
  root: string,
  onUnreadable: (path: string, error: unknown) => void,
): Promise<StateFolder[]> {
  const folders: StateFolder[] = [];
  for (const name of listFolderNames(root, onUnreadable)) {
    const path = join(root, name);
    try {
      assertTrustedFolder(path);
      folders.push({ path, isRunning: await isFolderOwned(root, name) });
    } catch (error) {
      if (!isMissing(error)) onUnreadable(path, error);
    }
  }
  return folders;
}

/**
 * Calls `onState` for each state in the segments of all servers and commands. The order is not specified, because other
 * processes can move segments. Never rejects.
 *
 * @param onUnreadable called for a file or a folder that can't be read
 */
export async function readSpoolStates(
  root: string,
  onState: (state: Buffer) => void,
  onUnreadable: (path: string, error: unknown) => void,
): Promise<void> {
  const read = new Set<string>();
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    let isComplete = true;
    for (const { path: folder } of await listStateFolders(root, onUnreadable)) {
      for (const file of listFiles(folder)) {
        const name = parseSegmentName(file);
        // The rest of the name changes when another process takes the segment over. Services write no states.
        const id = name?.nonce.toString('hex') ?? '';
        if (!name || name.isShared || read.has(id)) continue;
        isComplete = false;
        const path = join(folder, file);
        try {
          await readSegmentFile(path, { onState });
          read.add(id);
        } catch (error) {
          // It was moved to another folder, or it is deleted and another process has kept its states.
          if (isMissing(error)) continue;
          onUnreadable(path, error);
          read.add(id);
        }
      }
    }
    if (isComplete) return;
  }
}

function listFolderNames(
  root: string,
  onUnreadable: (path: string, error: unknown) => void,
): string[] {
  try {
    const names = readdirSync(root).filter(isOwnedFolderName);
    assertTrustedFolder(root);
    return names;
  } catch (error) {
    if (!isMissing(error)) onUnreadable(root, error);
    return [];
  }
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
