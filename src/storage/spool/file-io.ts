import {
  close,
  constants,
  fstat,
  fsync,
  open,
  read,
  rm,
  type Stats,
  statfs,
  writev,
  writevSync,
} from 'node:fs';

// These functions use file descriptors instead of `FileHandle`: Node.js ends the process with an error if a
// handle is collected before it is closed. All of them reject with the error of the file system.

export function openFile(path: string, flags: number, mode?: number): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, mode, (error, fd) => (error ? reject(error) : resolve(fd)));
  });
}

/** Errors of systems that can't sync a folder, and of a file that was deleted. */
const IGNORED_SYNC_CODES: ReadonlySet<string> = new Set([
  'EPERM',
  'EACCES',
  'EISDIR',
  'EINVAL',
  'ENOENT',
]);

/** Writes all of `parts`, one after the other, at `position`. */
export async function writeAt(
  fd: number,
  parts: readonly Buffer[],
  position: number,
): Promise<void> {
  let remaining = parts;
  let offset = position;
  while (remaining.length > 0) {
    const bytes = await new Promise<number>((resolve, reject) => {
      writev(fd, remaining, offset, (error, count) => (error ? reject(error) : resolve(count)));
    });
    remaining = skipBytes(remaining, bytes);
    offset += bytes;
  }
}

/** Same as {@link writeAt}, but synchronous. */
export function writeAtSync(fd: number, parts: readonly Buffer[], position: number): void {
  let remaining = parts;
  let offset = position;
  while (remaining.length > 0) {
    const bytes = writevSync(fd, remaining, offset);
    remaining = skipBytes(remaining, bytes);
    offset += bytes;
  }
}

function skipBytes(parts: readonly Buffer[], bytes: number): readonly Buffer[] {
  let skipped = bytes;
  const index = parts.findIndex(({ length }) => {
    if (length > skipped) return true;
    skipped -= length;
    return false;
  });
  if (index === -1) return [];
  return parts.slice(index).with(0, parts[index]!.subarray(skipped));
}

/**
 * Reads up to `data.length` bytes at `position` into `data`. Returns fewer bytes only at the end of the
 * file.
 */
export async function readAt(fd: number, data: Buffer, position: number): Promise<Buffer> {
  let done = 0;
  while (done < data.length) {
    const offset = done;
    const bytes = await new Promise<number>((resolve, reject) => {
      read(fd, data, offset, data.length - offset, position + offset, (error, count) =>
        error ? reject(error) : resolve(count),
      );
    });
    if (bytes === 0) break;
    done += bytes;
  }
  return data.subarray(0, done);
}

export function readStats(fd: number): Promise<Stats> {
  return new Promise((resolve, reject) => {
    fstat(fd, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
}

/** Writes the data of a file from the operating system's memory to the disk. */
export function syncFile(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(fd, (error) => (error ? reject(error) : resolve()));
  });
}

/**
 * Writes the data of a closed file to the disk, or the names of a folder's files. Then a new file survives a power
 * failure. Does nothing on systems that don't support this, such as Windows. Also does nothing if the path was deleted.
 */
export async function syncPath(path: string): Promise<void> {
  let fd: number | undefined;
  try {
    fd = await openFile(path, constants.O_RDONLY);
    await syncFile(fd);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!IGNORED_SYNC_CODES.has(code)) throw error;
  } finally {
    if (fd !== undefined) await closeFile(fd);
  }
}

/** Closes a file. Never rejects: nothing can be done about a failure. */
export function closeFile(fd: number): Promise<void> {
  return new Promise((resolve) => {
    close(fd, () => resolve());
  });
}

/** Deletes a file, if it exists. */
export function deleteFile(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    rm(path, { force: true }, (error) => (error ? reject(error) : resolve()));
  });
}

/** Returns the free space in bytes of the disk that contains `path`. Returns undefined if it is unknown. */
export function readFreeBytes(path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    statfs(path, (error, stats) => resolve(error ? undefined : stats.bsize * stats.bavail));
  });
}
