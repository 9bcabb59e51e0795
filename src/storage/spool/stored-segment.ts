import { lstatSync, rmSync } from 'node:fs';
import { uptime } from 'node:os';
import { KEEP_MS } from './acknowledged-segments.ts';

/**
 * Handles a segment whose rows QuestDB acknowledged before its process ended. QuestDB can lose rows in a power failure,
 * because they are not on its disk at once. Therefore, the file is deleted after a minute.
 *
 * @returns whether the rows must be sent again, because the machine was restarted
 * @throws the error of the file system
 */
export function mustSendStoredSegment(path: string): boolean {
  // The time of the last rename.
  const { ctimeMs } = lstatSync(path);
  const age = classifyAge(Date.now() - ctimeMs, readUptimeMs());
  if (age === 'old') rmSync(path, { force: true });
  return age === 'before restart';
}

/**
 * Classifies the age of a file. If the clock was changed, the result can be `before restart`. Storing a row again
 * changes nothing.
 */
export function classifyAge(ageMs: number, uptimeMs: number): 'recent' | 'old' | 'before restart' {
  if (ageMs > uptimeMs || ageMs < -KEEP_MS) return 'before restart';
  return ageMs < KEEP_MS ? 'recent' : 'old';
}

/** Returns the time since the start of the machine in ms, or 0 if it is unknown. */
function readUptimeMs(): number {
  try {
    return uptime() * 1000;
  } catch {
    return 0;
  }
}
