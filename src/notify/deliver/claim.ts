import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, markOf, type ProcessMark } from '../../config/processes.ts';

/** Marks the folder as this process' own. @returns false while another living process has it */
export function claim(folder: string): boolean {
  const owner = join(folder, 'owner');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const mark = JSON.stringify(markOf(process.pid));
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(owner, mark, { mode: 0o600, flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (isHeld(owner)) return false;
    rmSync(owner, { force: true });
  }
  return false;
}

function isHeld(owner: string): boolean {
  try {
    const holder = JSON.parse(readFileSync(owner, 'utf8')) as ProcessMark;
    return isAlive(holder);
  } catch {
    return false;
  }
}

/** Ends what `claim` began. */
export function release(folder: string): void {
  rmSync(join(folder, 'owner'), { force: true });
}
