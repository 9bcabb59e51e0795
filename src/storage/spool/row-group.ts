import type { Batch } from './batch.ts';

/** Batches and a state in one record of a segment. After a crash, either all of them are in the segment or none. */
export interface RowGroup {
  readonly batches: readonly Batch[];
  /** Number of rows of all batches. */
  readonly rows: number;
  /** Data of a server that belongs to the rows, such as the last points of cumulative series. */
  readonly state: Uint8Array | undefined;
}

/** What a record of a segment can contain. */
export type RecordContent = Batch | RowGroup;

export function isRowGroup(content: RecordContent): content is RowGroup {
  return 'batches' in content;
}
