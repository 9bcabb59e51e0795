import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { randomBytes } from './lazy-crypto.ts';

export interface PrivateFileOptions {
  /**
   * Whether the function returns only when the disk has stored the file, so that a power cut can't lose
   * it. Default: `false`.
   */
  readonly durable?: boolean;
}

/**
 * Writes a file that only its owner can read, and creates its folder with the same protection. The
 * file is replaced atomically, so other processes never read a partial file. Never follows a symbolic
 * link at the path of the file.
 *
 * @throws the error of the file system. The previous file is then unchanged.
 */
export function writePrivateFile(
  file: string,
  content: string | Buffer,
  options?: PrivateFileOptions,
): void {
  publishTempFile(file, content, options, (tempFile) => renameSync(tempFile, file));
}

/**
 * Creates a file that only its owner can read, and its folder with the same protection. The file
 * appears with its whole content.
 *
 * @returns `false` if the file exists. It is then unchanged.
 * @throws the error of the file system
 */
export function createPrivateFile(
  file: string,
  content: string | Buffer,
  options?: PrivateFileOptions,
): boolean {
  try {
    publishTempFile(file, content, options, (tempFile) => {
      linkSync(tempFile, file);
      rmSync(tempFile, { force: true });
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Writes a temporary file in the folder of `file`. `publish` moves it to its final path. */
function publishTempFile(
  file: string,
  content: string | Buffer,
  { durable = false }: PrivateFileOptions = {},
  publish: (tempFile: string) => void,
): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const tempFile = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    // `wx` fails if the file exists, even if it is a symbolic link.
    writeFileSync(tempFile, content, { mode: 0o600, flag: 'wx' });
    if (durable) syncToDisk(tempFile, 'r+');
    publish(tempFile);
  } catch (error) {
    rmSync(tempFile, { force: true });
    throw error;
  }
  if (durable) syncFolder(folder);
}

function syncToDisk(path: string, flags: 'r' | 'r+'): void {
  const descriptor = openSync(path, flags);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Stores the new name of a file. Windows and some network file systems can't sync a folder. */
function syncFolder(folder: string): void {
  try {
    syncToDisk(folder, 'r');
  } catch {
    // The content is on disk. Only the rename can be lost, and then the previous file is complete.
  }
}
