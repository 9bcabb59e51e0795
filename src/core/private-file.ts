import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes a file that only its owner can read, and creates its folder with the same protection. The
 * file is replaced atomically, so other processes never read a partial file.
 */
export function writePrivateFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const tempFile = `${file}.${process.pid}`;
  try {
    writeFileSync(tempFile, text, { mode: 0o600 });
    renameSync(tempFile, file);
  } finally {
    rmSync(tempFile, { force: true });
  }
}
