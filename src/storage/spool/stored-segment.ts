import { lstatSync } from 'node:fs';
import { uptime } from 'node:os';
import { KEEP_MS } from './acknowledged-segments.ts';

/**
 * Returns the age of a segment whose rows QuestDB acknowledged before its process ended. QuestDB can lose rows in a power
 * failure, because they are not on its disk at once. Therefore, only an `old` file is deleted, and the rows are sent
 * again if the file was stored `before restart` of the machine.
 *
 * @throws the error of the file system
 */
export function getStoredSegmentAge(path: string): StoredSegmentAge {
  // The time of the last rename.
  const { ctimeMs } = lstatSync(path);
  return classifyAge(Date.now() - ctimeMs, readUptimeMs());
}

type StoredSegmentAge = 'recent' | 'old' | 'before restart';

/**
 * Classifies the age of a file. If the clock was changed, the result can be `before restart`. Storing a row again
 * changes nothing.
 */
export function classifyAge(ageMs: number, uptimeMs: number): StoredSegmentAge {
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
