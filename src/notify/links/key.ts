import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { coded, reasonOf } from '../../errors.ts';

const BYTES = 32;

/**
 * The key that links are signed with: 32 random bytes in a file of `dataDir` for its owner only, made
 * when it is missing. Links end to work when it is removed.
 *
 * @throws PS_DATA_DIR_UNUSABLE
 */
export function linkKey(dataDir: string): Buffer {
  const folder = join(dataDir, 'notify');
  const file = join(folder, 'link.key');
  try {
    const known = readKey(file);
    if (known) return known;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, randomBytes(BYTES), { mode: 0o600 });
    try {
      // Of two servers that begin at once both have the key of the first.
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const made = readKey(file);
    if (!made) throw new Error(`${file} is not a key; remove it`);
    return made;
  } catch (error) {
    throw coded('PS_DATA_DIR_UNUSABLE', { dataDir, reason: reasonOf(error) }, error);
  }
}

function readKey(file: string): Buffer | undefined {
  try {
    const key = readFileSync(file);
    if (key.length !== BYTES) throw new Error(`${file} is not a key; remove it`);
    chmodSync(file, 0o600);
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
