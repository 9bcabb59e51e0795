import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** `st_blocks` counts in these, whatever the file system's own blocks are (stat(2)). */
const BLOCK_BYTES = 512;

/** Bytes that a folder takes on its disk; what vanishes meanwhile does not count. */
export async function diskBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
    bytes += (found?.blocks ?? 0) * BLOCK_BYTES;
  }
  return bytes;
}

/** Bytes of the folder's disk that this user may still fill. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
