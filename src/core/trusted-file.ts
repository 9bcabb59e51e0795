import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
} from 'node:fs';

/** Write permission of the group and of other users. */
const WRITABLE_BY_OTHERS = 0o022;
const ROOT_UID = 0;

/** Flags for `open`. They fail for a symbolic link, and don't wait for the writer of a pipe. */
export const TRUSTED_READ_FLAGS =
  constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Thrown if other users could have written a file or a folder. */
export class UntrustedFileError extends Error {
  override readonly name = 'UntrustedFileError';
}

export interface TrustOptions {
  /** Whether a file that belongs to root is trusted too. Default: `false`. */
  readonly allowRoot?: boolean;
}

type FileStats = Pick<Stats, 'uid' | 'mode' | 'nlink' | 'isFile' | 'isDirectory'>;

/**
 * Checks that a file is a regular file without other hard links, and that only its owner, the current
 * user, can write to it. On Windows, only the type is checked.
 *
 * @throws UntrustedFileError
 */
export function assertTrustedFile(stats: FileStats, options?: TrustOptions): void {
  if (!stats.isFile()) throw new UntrustedFileError('it is not a regular file');
  assertOwner(stats, options);
  if (stats.nlink > 1) throw new UntrustedFileError('it has several hard links');
}

/**
 * Checks that a path is a folder, and that only its owner, the current user, can write to it. On
 * Windows, only the type is checked.
 *
 * @throws UntrustedFileError, or the error of the file system
 */
export function assertTrustedFolder(folder: string, options?: TrustOptions): void {
  const stats = lstatSync(folder);
  if (!stats.isDirectory()) throw new UntrustedFileError('it is not a folder');
  assertOwner(stats, options);
}

/**
 * Reads a file that only the current user can have written.
 *
 * @throws UntrustedFileError, or the error of the file system
 */
export function readTrustedFile(file: string, options?: TrustOptions): string {
  const descriptor = openTrustedFile(file);
  try {
    assertTrustedFile(fstatSync(descriptor), options);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function openTrustedFile(file: string): number {
  try {
    return openSync(file, TRUSTED_READ_FLAGS);
  } catch (error) {
    throw isSymlinkError(error) ? new UntrustedFileError('it is a symbolic link') : error;
  }
}

/** Whether `open` failed because of `O_NOFOLLOW`. */
export function isSymlinkError(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ELOOP' || code === 'EMLINK';
}

function assertOwner({ uid, mode }: FileStats, { allowRoot = false }: TrustOptions = {}): void {
  const ownUid = process.geteuid?.();
  if (ownUid === undefined) return;
  if (uid !== ownUid && !(allowRoot && uid === ROOT_UID)) {
    throw new UntrustedFileError(
      `it belongs to the user with ID ${uid}, but this process runs with ID ${ownUid}`,
    );
  }
  if ((mode & WRITABLE_BY_OTHERS) !== 0) {
    throw new UntrustedFileError('other users can write to it');
  }
}
