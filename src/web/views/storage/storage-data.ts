import type { ApiResponse } from '../../../client/api-types.ts';

export type Storage = ApiResponse<'storage'>;

/** Number of days until the disk has less space than Perfscope needs, at the current growth. */
export function getDaysLeft({ disk, tables }: Storage): number | undefined {
  const growth = tables.reduce((sum, { bytesPerDay = 0 }) => sum + Math.max(0, bytesPerDay), 0);
  if (!disk || growth === 0) return undefined;
  return Math.max(0, disk.freeBytes - (disk.minFreeBytes ?? 0)) / growth;
}

export function countDropped({ writes }: Storage): number {
  return Object.values(writes?.droppedRows ?? {}).reduce((sum, rows) => sum + rows, 0);
}
