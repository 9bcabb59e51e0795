import type { PerfscopeError } from '../../core/perfscope-error.ts';

export const STORAGE_PROBLEMS = {
  unreachable: { blocksWrites: true, summary: 'QuestDB does not respond' },
  low_disk: { blocksWrites: true, summary: 'little disk space is left' },
  suspended: { blocksWrites: true, summary: 'QuestDB has suspended tables' },
  lagging: { blocksWrites: false, summary: 'QuestDB applies rows with a delay' },
  schema: { blocksWrites: false, summary: 'a table has an unexpected schema' },
} as const;

export interface StorageProblem {
  readonly kind: keyof typeof STORAGE_PROBLEMS;
  /** The cause and what to do, with an error code. */
  readonly error: PerfscopeError;
}

/** State of QuestDB and its disk. */
export interface StorageStatus {
  /** Empty if rows are stored and readable. The most important problem is first. */
  readonly problems: readonly StorageProblem[];
  /** Free space in bytes of the disk with the database. Undefined for an external QuestDB. */
  readonly freeDiskBytes: number | undefined;
  /** Free space in bytes below which writes are paused. Undefined for an external QuestDB. */
  readonly minFreeDiskBytes: number | undefined;
  /** Maximum time for which acknowledged rows of a table have not been readable, in ms. */
  readonly walLagMs: number;
}

/** Returns whether rows of all services can be missing because of a problem of this kind. */
export function canHideRows(kind: StorageProblem['kind']): boolean {
  return kind !== 'schema';
}

/** Returns whether rows are being stored and can be queried. */
export function isStoringRows({ problems }: StorageStatus): boolean {
  return !problems.some(({ kind }) => STORAGE_PROBLEMS[kind].blocksWrites);
}
