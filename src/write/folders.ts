import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, type ProcessMark } from '../config/processes.ts';
import { type Batch, fromFile } from './batch.ts';

/** Ending of a file that is being written. */
export const UNFINISHED = '.part';

const OWNED = /^(\d+)-(\w*)-[0-9a-f]+$/;

/** Makes a folder under `root` that is marked as `owner`'s. */
export function makeFolder(root: string, owner: ProcessMark): string {
  const folder = join(root, ownedName(owner));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * Takes over the folders of processes that have ended: the rename is atomic, so of several that
 * try only one gets each. What two send nevertheless is stored once, because rows keep their keys.
 *
 * @returns the folders, now `owner`'s
 */
export function adoptFolders(root: string, owner: ProcessMark): string[] {
  return namesIn(root).flatMap((name) => {
    const [, pid, started] = OWNED.exec(name) ?? [];
    if (pid === undefined || isAlive({ pid: Number(pid), started: started ?? '' })) return [];
    const mine = join(root, ownedName(owner));
    try {
      renameSync(join(root, name), mine);
      removeUnfinished(mine);
      return [mine];
    } catch {
      return [];
    }
  });
}

/** Beyond the largest number that a process can have (proc(5): 2^22). */
const NOBODY: ProcessMark = { pid: 2 ** 22 + 1, started: '0' };

/** A name for a folder that the next process adopts. */
export function nobodysFolder(): string {
  return ownedName(NOBODY);
}

/** The finished batches of a folder, oldest first. */
export function batchesIn(folder: string): Batch[] {
  return namesIn(folder)
    .sort()
    .flatMap((name) => {
      try {
        return fromFile(folder, name, statSync(join(folder, name)).size) ?? [];
      } catch {
        return [];
      }
    });
}

/** Removes a folder that has become empty. */
export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Not empty, or gone already: both are fine.
  }
}

/** What a process was about to write when it ended is not whole. */
function removeUnfinished(folder: string): void {
  for (const name of namesIn(folder)) {
    if (name.endsWith(UNFINISHED)) rmSync(join(folder, name), { force: true });
  }
}

function ownedName(owner: ProcessMark): string {
  return `${owner.pid}-${owner.started}-${randomBytes(4).toString('hex')}`;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
