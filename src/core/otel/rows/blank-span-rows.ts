import { createBlankBucket, createBlankMetric } from '../../schema/blank-rows.ts';
import { computePointId } from '../../schema/row-ids.ts';
import type { SpanRow } from '../series/span-row-memory.ts';
import type { MetricRowSink } from './point-rows.ts';

/**
 * Adds rows to `sink` that blank the rows of spans, because the process has sent a metric that counts the same requests.
 *
 * @param startMs start of the metric's interval. Earlier spans are not part of the metric. See `getFirstCountedMs`.
 */
export function blankSpanRows(sink: MetricRowSink, rows: Iterable<SpanRow>, startMs: number): void {
  for (const { timestamp, id, bucketUppers } of rows) {
    if (timestamp <= startMs) continue;
    sink.metrics.push(createBlankMetric(timestamp, id));
    const point = computePointId(id);
    for (const bucketUpper of bucketUppers) {
      sink.buckets.push(createBlankBucket(timestamp, point, bucketUpper));
    }
  }
}

/** Maximum time from the end of a span until its request is recorded in the metric, in ms. */
const MAX_RECORD_DELAY_MS = 1000;

/**
 * Returns from when on the spans of a process are part of a metric.
 *
 * @param startMs start of the interval of the metric's first value
 * @param isSeriesStart whether the sender started the interval, and not the last point that was received. SDKs start it
 * when the first request is recorded, which can be a little after the end of its span.
 */
export function getFirstCountedMs(startMs: number, isSeriesStart: boolean): number {
  return isSeriesStart ? startMs - MAX_RECORD_DELAY_MS : startMs;
}
