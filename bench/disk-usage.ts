import { getDiskUsageBytes } from '../src/storage/questdb/table-stats.ts';

/**
 * Returns the disk usage of a data folder in MB (10⁶ bytes).
 *
 * @throws Error if the folder is missing or empty, because the result would always meet its target
 */
export async function getDiskUsageMb(folder: string): Promise<number> {
  const bytes = await getDiskUsageBytes(folder);
  if (bytes === 0) throw new Error(`${folder} contains no files`);
  return bytes / 1e6;
}
