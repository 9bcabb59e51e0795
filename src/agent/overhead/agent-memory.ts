/** Memory of the loaded code, without values. Measured as the difference in the heap of an idle process. */
const CODE_BYTES = 8e6;
/** One series of a histogram with its key and attributes. */
const SERIES_BYTES = 1000;
/** One row in memory. */
const ROW_BYTES = 700;

/** Numbers of objects that need most of the memory. */
export interface MemoryCounts {
  readonly series: number;
  readonly rows: number;
}

/** Estimates the memory of the agent from numbers of objects, in bytes. */
export function estimateAgentMemory({ series, rows }: MemoryCounts): number {
  return CODE_BYTES + series * SERIES_BYTES + rows * ROW_BYTES;
}
