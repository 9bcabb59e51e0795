import type { Batch } from './batch.ts';
import type { Segment } from './segment.ts';
import type { SegmentReading } from './segment-progress.ts';
import type { SegmentBatches } from './segment-reader.ts';
import type { SkippedRange } from './skipped-range.ts';
import { sumRows, type UnsentRows } from './unsent-rows.ts';

/** Batches that were read from the spool, oldest first. */
export interface SpoolReading {
  readonly batches: readonly Batch[];
  /** Whether all rows were handled before, and are only sent again. They must not be counted. */
  readonly isRepeated: boolean;
  /** The result of the last attempt, if these batches could not be sent before. */
  readonly unsent: Pick<UnsentRows, 'tables'> | undefined;
}

/** A reading that has not ended. */
export interface CurrentReading extends SpoolReading {
  /** Undefined if the batches are only in memory. */
  source:
    | { readonly segment: Segment; readonly reading: SegmentReading }
    | { readonly segment: Segment; readonly range: SkippedRange }
    | undefined;
}

/** Returns a reading of batches that are only in memory. */
export function createMemoryReading(batches: readonly Batch[]): CurrentReading {
  return { batches, source: undefined, isRepeated: false, unsent: undefined };
}

/** Returns the source of a reading of batches that were in memory first. They are all batches of the segment. */
export function createSavedSource(
  segment: Segment,
  batches: readonly Batch[],
): { segment: Segment; reading: SegmentReading } {
  const { bytes } = segment;
  const reading = {
    ...{ batches, states: [], damagedRows: 0, damagedBytes: 0, bytesNeeded: 0 },
    ...{ start: 0, rowsBeforeStart: 0, bytes, end: bytes, rowsBefore: sumRows(batches) },
    ...{ rewinds: segment.progress.rewinds, isRepeated: false },
  };
  return { segment, reading };
}

/** Returns a reading of batches in a segment. */
export function createSegmentReading(result: SegmentBatches): CurrentReading {
  const { batches } = result;
  if (result.kind === 'records') {
    const { isRepeated } = result.reading;
    return { batches, source: result, isRepeated, unsent: undefined };
  }
  const { range } = result;
  return { batches, source: result, isRepeated: range.position.isRepeated, unsent: range };
}
