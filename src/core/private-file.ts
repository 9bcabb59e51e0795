import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { randomBytes } from './lazy-crypto.ts';

/**
 * Writes a file that only its owner can read, and creates its folder with the same protection. The
 * file is replaced atomically, so other processes never read a partial file. Never follows a symbolic
 * link at the path of the file.
 */
export function writePrivateFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const tempFile = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  // `wx` fails if the file exists, even if it is a symbolic link.
  writeFileSync(tempFile, text, { mode: 0o600, flag: 'wx' });
  try {
    renameSync(tempFile, file);
  } catch (error) {
    rmSync(tempFile, { force: true });
    throw error;
  }
}
