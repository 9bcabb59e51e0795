import { close, fstat, fsync, open, read, rm, type Stats, write } from 'node:fs';

// These functions use file descriptors instead of `FileHandle`: Node.js ends the process with an error if a
// handle is collected before it is closed. All of them reject with the error of the file system.

export function openFile(path: string, flags: number, mode?: number): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, mode, (error, fd) => (error ? reject(error) : resolve(fd)));
  });
}

/** Writes all of `data` at `position`. */
export async function writeAt(fd: number, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const offset = done;
    done += await new Promise<number>((resolve, reject) => {
      write(fd, data, offset, data.length - offset, position + offset, (error, bytes) =>
        error ? reject(error) : resolve(bytes),
      );
    });
  }
}

/** Reads up to `length` bytes at `position`. Returns fewer only at the end of the file. */
export async function readAt(fd: number, length: number, position: number): Promise<Buffer> {
  const data = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const offset = done;
    const bytes = await new Promise<number>((resolve, reject) => {
      read(fd, data, offset, length - offset, position + offset, (error, count) =>
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
