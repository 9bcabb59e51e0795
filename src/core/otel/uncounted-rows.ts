import { createBlankBucket, createBlankMetric } from '../schema/blank-rows.ts';
import { computePointId } from '../schema/row-ids.ts';
import type { MetricRowSink } from './point-rows.ts';
import type { SpanRow } from './span-row-memory.ts';

/**
 * Adds rows to `sink` that blank the rows of spans, because the process has sent a metric that counts the same requests.
 *
 * @param startMs start of the metric's interval. Earlier spans are not part of the metric.
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
