import { existsSync, lstatSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createHash, randomBytes } from '../../core/lazy-crypto.ts';
import { writePrivateFile } from '../../core/private-file.ts';
import { assertTrustedFolder } from '../../core/trusted-file.ts';
import { getSpoolRoot } from '../spool/spool-adoption.ts';
import {
  createDeadLetterFileName,
  DEAD_LETTER_FOLDER,
  type DeadLetter,
  formatDeadLetter,
  getFileTime,
  listDeadLetterFiles,
  readDeadLetters,
} from './dead-letter-files.ts';

/** Time in ms after which a renamed file no longer grows. Processes open a file only for one write. */
const SETTLE_MS = 100;
const ID_LENGTH = 8;

/**
 * Who wrote the files in a folder. Servers and commands use the subfolder `server` of the spool. They also write rows of
 * services there, because they take over the segments of services.
 */
export type DeadLetterOwner = 'services' | 'server';

/** Dead letters of one table with one reason. */
export interface DeadLetterGroup {
  readonly id: string;
  readonly table: string;
  readonly reason: string;
  readonly rows: number;
  /** When the first and the last row were set aside, in ISO 8601. */
  readonly first: string;
  readonly last: string;
}

/** Called for a file or a folder that can't be read. */
export type OnUnreadable = (path: string, error: unknown) => void;

const OWNERS = ['services', 'server'] as const;

/** Returns the ID of a dead letter's group. It is the same in all processes and folders. */
export function getGroupId({ table, reason }: Pick<DeadLetter, 'table' | 'reason'>): string {
  const hash = createHash('sha256').update(JSON.stringify([table, reason]));
  return hash.digest('hex').slice(0, ID_LENGTH);
}

/** Calls `onLetters` with the dead letters of each file, oldest first. */
export function readAllDeadLetters(
  spoolDir: string,
  onLetters: (letters: readonly DeadLetter[]) => void,
  onUnreadable: OnUnreadable,
): void {
  for (const { folder, name } of listFiles(spoolDir, onUnreadable)) {
    try {
      onLetters(readDeadLetters(folder, name));
    } catch (error) {
      // Another process has removed it.
      if (!isMissing(error)) onUnreadable(join(folder, name), error);
    }
  }
}

/** Returns all groups, the group with the latest row first. */
export function listDeadLetterGroups(
  spoolDir: string,
  onUnreadable: OnUnreadable,
): DeadLetterGroup[] {
  const groups = new Map<string, DeadLetterGroup>();
  readAllDeadLetters(
    spoolDir,
    (letters) => {
      for (const { table, reason, at } of letters) {
        const id = getGroupId({ table, reason });
        const group = groups.get(id);
        groups.set(id, {
          ...{ id, table, reason },
          rows: (group?.rows ?? 0) + 1,
          first: group && group.first < at ? group.first : at,
          last: group && group.last > at ? group.last : at,
        });
      }
    },
    onUnreadable,
  );
  return [...groups.values()].sort((a, b) => (a.last < b.last ? 1 : -1));
}

/**
 * Replaces dead letters file by file. Other processes can add dead letters at the same time.
 *
 * @param ids IDs of the groups
 * @param replace returns the dead letters to keep instead of the given ones, or undefined to stop
 */
export async function replaceDeadLetters(
  spoolDir: string,
  ids: ReadonlySet<string>,
  replace: (
    letters: readonly DeadLetter[],
    owner: DeadLetterOwner,
  ) => Promise<readonly DeadLetter[] | undefined>,
  onUnreadable: OnUnreadable,
): Promise<void> {
  for (const { owner, folder, name } of listFiles(spoolDir, onUnreadable)) {
    const isSelected = (letter: DeadLetter) => ids.has(getGroupId(letter));
    try {
      if (!readDeadLetters(folder, name).some(isSelected)) continue;
      const claimed = await claimFile(folder, name);
      const letters = readDeadLetters(folder, claimed);
      const kept = await replace(letters.filter(isSelected), owner);
      if (kept === undefined) return;
      const others = letters.filter((letter) => !isSelected(letter));
      writeFile(join(folder, claimed), [...others, ...kept]);
    } catch (error) {
      if (!isMissing(error)) onUnreadable(join(folder, name), error);
    }
  }
}

/** Renames a file, so that no process adds to it, and waits until running writes have ended. */
async function claimFile(folder: string, name: string): Promise<string> {
  const source = `cli-${randomBytes(4).toString('hex')}`;
  const claimed = createDeadLetterFileName(source, getFileTime(name));
  const path = join(folder, claimed);
  renameSync(join(folder, name), path);
  for (let size = -1; size !== statSync(path).size; ) {
    size = statSync(path).size;
    await delay(SETTLE_MS);
  }
  return claimed;
}

function writeFile(path: string, letters: readonly DeadLetter[]): void {
  // A process has removed the file, because the dead letters reached their size limit.
  if (!existsSync(path)) return;
  if (letters.length === 0) rmSync(path);
  else writePrivateFile(path, letters.map(formatDeadLetter).join(''));
}

/** Skips folders that other users can change, because they could add files. */
function listFiles(
  spoolDir: string,
  onUnreadable: OnUnreadable,
): { owner: DeadLetterOwner; folder: string; name: string }[] {
  return OWNERS.flatMap((owner) => {
    const root = getSpoolRoot(spoolDir, owner === 'server');
    let folder = root;
    try {
      if (owner === 'server' && exists(root)) assertTrustedFolder(root);
      folder = join(root, DEAD_LETTER_FOLDER);
      if (exists(folder)) assertTrustedFolder(folder);
      return listDeadLetterFiles(folder).map((name) => ({ owner, folder, name }));
    } catch (error) {
      onUnreadable(folder, error);
      return [];
    }
  });
}

/** @throws the error of the file system, unless the path doesn't exist */
function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
