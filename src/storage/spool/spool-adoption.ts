import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startTask } from '../../core/guard.ts';
import { isServiceTable, type TableName } from '../../core/schema/table-registry.ts';
import {
  assertTrustedFile,
  assertTrustedFolder,
  UntrustedFileError,
} from '../../core/trusted-file.ts';
import type { Batch } from './batch.ts';
import { importOldFolder, isOldFolderName } from './old-spool.ts';
import { Segment } from './segment.ts';
import { measureSegmentFile } from './segment-file.ts';
import { parseSegmentName } from './segment-name.ts';
import type { FileStates } from './segment-states.ts';
import {
  isFolderOfProcess,
  isFolderOwned,
  isOwnedFolderName,
  removeAbandonedFolder,
  removeOrphanedFolder,
} from './spool-owner.ts';
import type { SpoolReporter } from './spool-reporter.ts';
import { getStoredSegmentAge } from './stored-segment.ts';

const PART = 'the spool';
/** File with the values of the current interval of a process. They replace its rows if it is killed. */
export const CHECKPOINT_FILE = 'checkpoint';

/** A folder with the folders of several processes. */
export interface SpoolRoot {
  readonly dir: string;
  /** Whether services write to this folder, so that it can't contain rows of servers. */
  readonly isShared: boolean;
  /** Whether the folder itself must not be writable by other users, because it contains rows of servers. */
  readonly mustBeTrusted: boolean;
}

export interface AdoptOptions {
  /** Whether to take over only the segments of worker threads of this process. Default: `false`. */
  readonly ownProcessOnly?: boolean;
}

/** Subfolder for the rows of servers and commands, which services never send. */
export const SERVER_FOLDER = 'server';

/** Returns the folder in which a process creates its own folder. */
export function getSpoolRoot(dir: string, isServer = false): string {
  return isServer ? join(dir, SERVER_FOLDER) : dir;
}

/**
 * Returns the rows in the checkpoint of a process that are not in its segments, or undefined if the checkpoint
 * is damaged.
 *
 * @param segments paths of the segments
 */
export type ReadCheckpoint = (
  path: string,
  segments: readonly string[],
) => Promise<Batch[] | undefined>;

export interface AdoptionTarget {
  /** Whether only folders of this process are adopted. */
  readonly ownProcessOnly: boolean;
  /** Returns the folder of this process. @throws the error of the file system */
  getFolder(): string;
  /** Whether the size limit allows a segment of this size, and the spool was not closed. */
  canAdopt(bytes: number): boolean;
  /** Ends a new segment. */
  seal(segment: Segment): void;
  onSegment(segment: Segment): void;
  /** See `SegmentStates.checkFile`. */
  checkStates(path: string): Promise<FileStates>;
  /** Receives the rows of an older version's spool. */
  onBatch(batch: Batch): Promise<void>;
  /** Returns the rows in the checkpoint of a process. Default: no process writes checkpoints. */
  readonly readCheckpoint: ReadCheckpoint | undefined;
  readonly reporter: SpoolReporter;
}

/**
 * Moves the segments of processes that have ended into the folder of this process. Each rename is atomic,
 * so only one process gets each segment. Folders and files that other users can change are left alone.
 * Never rejects.
 */
export async function adoptOrphans(root: SpoolRoot, target: AdoptionTarget): Promise<void> {
  try {
    if (root.mustBeTrusted) assertTrustedFolder(root.dir);
    for (const name of readdirSync(root.dir)) {
      const folder = join(root.dir, name);
      removeAbandonedFolder(root.dir, name);
      if (target.ownProcessOnly && !isFolderOfProcess(name, process.pid)) continue;
      if (isOwnedFolderName(name)) {
        if (!(await isFolderOwned(root.dir, name))) await adoptFolder(folder, root, target);
      } else if (isOldFolderName(name)) {
        await importOldFolder(root.dir, name, {
          accepts: (table: TableName) => !root.isShared || isServiceTable(table),
          canAdopt: (bytes) => target.canAdopt(bytes),
          onBatch: (batch) => target.onBatch(batch),
          onDamage: (path, rows, bytes) => target.reporter.reportDamage(path, rows, bytes),
          onFailure: (path, action, error) => reportFailure(path, action, error, target.reporter),
        });
      }
    }
  } catch (error) {
    reportFailure(root.dir, 'listed', error, target.reporter);
  }
}

async function adoptFolder(folder: string, root: SpoolRoot, target: AdoptionTarget): Promise<void> {
  try {
    assertTrustedFolder(folder);
    const files = readdirSync(folder).sort();
    const hasCheckpoint = files.includes(CHECKPOINT_FILE);
    // Its rows must be sent before the rows of the segments, so the segments wait too after a failure.
    if (hasCheckpoint && !(await adoptCheckpoint(folder, files, root, target))) return;
    for (const file of files) {
      if (!(await adoptSegment(folder, file, root, target))) return;
    }
    removeOrphanedFolder(folder);
  } catch (error) {
    reportFailure(folder, 'listed', error, target.reporter);
  }
}

/**
 * Writes the rows of a checkpoint to a segment that is sent before the other segments. Returns false if another
 * attempt can succeed.
 */
async function adoptCheckpoint(
  folder: string,
  files: readonly string[],
  { isShared }: SpoolRoot,
  { getFolder, canAdopt, seal, onSegment, readCheckpoint, reporter }: AdoptionTarget,
): Promise<boolean> {
  const path = join(folder, CHECKPOINT_FILE);
  const segments = files.filter((file) => parseSegmentName(file));
  let segment: Segment | undefined;
  try {
    const stats = lstatSync(path);
    assertTrustedFile(stats);
    // Read before the rename, because other processes can move the segments afterward.
    const stored = readCheckpoint
      ? await readCheckpoint(
          path,
          segments.map((file) => join(folder, file)),
        )
      : [];
    if (!canAdopt(0)) return false;
    const batches = (stored ?? []).filter(({ table }) => !isShared || isServiceTable(table));
    if (batches.length > 0) segment = createFirstSegment(getFolder(), segments);
    for (const batch of batches) segment?.appendSync(batch);
    if (!tryDelete(path)) {
      // Another process has already deleted it, and sends the rows.
      segment?.deleteSync();
      return true;
    }
    // The number of its rows is not known.
    if (!stored) reporter.reportDamage(path, 0, stats.size);
    if (!segment) return true;
    seal(segment);
    onSegment(segment);
    return true;
  } catch (error) {
    startTask(PART, () => segment?.delete());
    reportFailure(path, 'adopted', error, reporter);
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return isMissing || error instanceof UntrustedFileError;
  }
}

/** Creates a segment that is sent before the given segments. */
function createFirstSegment(folder: string, segments: readonly string[]): Segment {
  const createdMs = parseSegmentName(segments[0] ?? '')?.createdMs ?? Date.now();
  return Segment.create(folder, createdMs - 1);
}

/** @throws the error of the file system, unless the file doesn't exist */
function tryDelete(path: string): boolean {
  try {
    rmSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return false;
  }
}

/** Returns false if the size limit doesn't allow the segment. */
async function adoptSegment(
  folder: string,
  file: string,
  { isShared }: SpoolRoot,
  { canAdopt, checkStates, getFolder, onSegment, reporter }: AdoptionTarget,
): Promise<boolean> {
  const path = join(folder, file);
  const name = parseSegmentName(file);
  if (!name) return true;
  try {
    const age = name.isStored ? getStoredSegmentAge(path) : undefined;
    if (age === 'recent') return true;
    // Services write no states.
    const getStates = async () => (isShared ? 'none' : await checkStates(path));
    if (age === 'old') {
      if ((await getStates()) !== 'unkept') rmSync(path, { force: true });
      return true;
    }
    const { bytes, rows } = await measureSegmentFile(path, name);
    if (!canAdopt(bytes)) return false;
    const states = rows === 0 && bytes > 0 ? await getStates() : 'none';
    if (states === 'unkept') return true;
    const isDamaged = bytes === 0 || (rows === 0 && states === 'none');
    if (isDamaged) reporter.reportDamage(path, 0, bytes);
    if (rows === 0) {
      rmSync(path, { force: true });
      return true;
    }
    const segment = new Segment({ path, name: { ...name, rows }, bytes, rows, isForeign: true });
    segment.moveTo(getFolder(), isShared);
    onSegment(segment);
  } catch (error) {
    reportFailure(path, 'adopted', error, reporter);
  }
  return true;
}

function reportFailure(
  path: string,
  action: string,
  error: unknown,
  reporter: SpoolReporter,
): void {
  if (error instanceof UntrustedFileError) reporter.reportUntrusted(path, error.message);
  // Another process was faster.
  else if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
    reporter.reportFailure(action, error);
}
