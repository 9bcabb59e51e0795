import { statfs } from 'node:fs/promises';

export interface DiskSpace {
  /** Space in bytes that the current user can use. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Reads the free space of the disk that contains `path`. Returns undefined if it is unknown. */
export async function readDiskSpace(path: string): Promise<DiskSpace | undefined> {
  try {
    const { bsize, bavail, blocks } = await statfs(path);
    return { freeBytes: bsize * bavail, totalBytes: bsize * blocks };
  } catch {
    return undefined;
  }
}

const DEFAULT_MIN_FREE_BYTES = 200 * 1024 * 1024;
/** Maximum share of a small disk that stays free by default. */
const MAX_RESERVED_SHARE = 0.05;
/** Writes continue when the free space is this many times the limit. */
const RESUME_FACTOR = 1.25;

/**
 * Returns the free space below which writes are paused, in bytes. Default: 200 MiB, or 5 % of a disk
 * with less than 4 GiB.
 *
 * @param configured value of PERFORMANCE_MIN_FREE_DISK_BYTES
 */
export function getMinFreeBytes(totalBytes: number, configured: number | undefined): number {
  return configured ?? Math.min(DEFAULT_MIN_FREE_BYTES, totalBytes * MAX_RESERVED_SHARE);
}

/**
 * Returns whether little disk space is left. After that, more space than the limit must be free, so that
 * writes don't start and stop again and again.
 *
 * @param wasLow the previous result
 */
export function isDiskLow(freeBytes: number, minFreeBytes: number, wasLow: boolean): boolean {
  return freeBytes < (wasLow ? minFreeBytes * RESUME_FACTOR : minFreeBytes);
}
