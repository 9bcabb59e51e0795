import { delay } from '../../../core/delay.ts';
import {
  type IntervalPoint,
  queryIntervalPoints,
} from '../../../storage/queries/interval-points.ts';
import { type Query, toGroupKey } from '../../../storage/queries/query-definition.ts';
import { floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { ConcurrencyLimiter } from '../../access/concurrency-limiter.ts';
import type { Principal } from '../../access/principal.ts';
import type { Quota } from '../../access/quota.ts';
import type { StreamEvent, StreamEventSource } from './event-stream.ts';

/** Each stream queries the newest interval, so their number is limited. */
const STREAM_QUOTA: Quota = {
  what: 'open streams',
  perKey: 20,
  perOrganization: 40,
  perServer: 100,
};
const RETRY_AFTER_S = 30;
/**
 * Maximum number of query results to cache. Streams with the same parameters request the same
 * result within a few seconds.
 */
const MAX_SHARED_RESULTS = 200;

/** Limits the open streams of a server, and shares query results between them. */
export class StreamRegistry {
  readonly #open = new ConcurrencyLimiter(STREAM_QUOTA);
  readonly #results = new Map<string, Promise<IntervalPoint[]>>();

  /** Registers a stream. @returns a function that releases it @throws PS_TOO_MANY_OPEN */
  acquire(principal: Principal): () => void {
    return this.#open.acquire(principal, RETRY_AFTER_S);
  }

  /** Returns the metrics of each interval. Streams with the same query share one result. */
  queryPoints(
    queryClient: QueryClient,
    dbQuery: Query,
    intervalMs: number,
  ): Promise<IntervalPoint[]> {
    const key = toGroupKey([dbQuery, intervalMs]);
    const shared = this.#results.get(key);
    if (shared) return shared;
    const result = queryIntervalPoints(queryClient, dbQuery, intervalMs);
    this.#results.set(key, result);
    result.catch(() => this.#results.delete(key));
    for (const oldest of this.#results.keys()) {
      if (this.#results.size <= MAX_SHARED_RESULTS) break;
      this.#results.delete(oldest);
    }
    return result;
  }
}

export interface PointSourceOptions {
  readonly intervalMs: number;
  /** Time, in ms, from the end of an interval until all its rows are stored. */
  readonly maxWriteDelayMs: number;
  readonly queryPoints: (range: TimeRange) => Promise<IntervalPoint[]>;
  readonly now?: () => number;
}

const MAX_INTERVALS_PER_QUERY = 60;
/**
 * Maximum number of missed intervals that a client receives after it reconnects. A `gap` event
 * replaces older intervals.
 */
const MAX_MISSED_INTERVALS = 720;

/**
 * Creates a source that sends an event for each interval that has ended. The position is the end of
 * the interval, so a client that reconnects receives each following interval exactly once. Only
 * the time range of a `gap` event is skipped.
 */
export function createPointSource(options: PointSourceOptions): StreamEventSource {
  return { type: 'point', follow: (position, signal) => followPoints(options, position, signal) };
}

async function* followPoints(
  { intervalMs, maxWriteDelayMs, queryPoints, now = Date.now }: PointSourceOptions,
  position: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  const readyMs = () => floorTo(now() - maxWriteDelayMs, intervalMs);
  const { sinceMs, missed } = getStartPosition(position, readyMs(), intervalMs, now());
  if (missed) {
    const data = { from: new Date(missed.fromMs), to: new Date(missed.toMs) };
    yield { type: 'gap', position: String(missed.toMs), data };
  }
  let doneMs = sinceMs;
  while (!signal.aborted) {
    const toMs = Math.min(readyMs(), doneMs + MAX_INTERVALS_PER_QUERY * intervalMs);
    // A failed query is retried after one interval, so clients miss nothing.
    const points =
      toMs > doneMs ? await queryPoints({ fromMs: doneMs, toMs }).catch(() => undefined) : [];
    for (const point of points ?? []) yield { position: String(point.to.getTime()), data: point };
    if (points) doneMs = Math.max(doneMs, toMs);
    const waitMs = points ? doneMs + intervalMs + maxWriteDelayMs - now() : intervalMs;
    if (waitMs > 0) await delay(waitMs, { signal });
  }
}

/** Returns where a stream begins, and the skipped time range if `position` is too old. */
function getStartPosition(
  position: string | undefined,
  readyMs: number,
  intervalMs: number,
  nowMs: number,
): { sinceMs: number; missed?: TimeRange } {
  const positionMs = /^\d{1,15}$/.test(position ?? '') ? Number(position) : Number.NaN;
  // Ignores positions in the future, which no server could have sent.
  if (!(positionMs <= nowMs)) return { sinceMs: readyMs - intervalMs };
  const fromMs = floorTo(positionMs, intervalMs);
  const earliestMs = readyMs - MAX_MISSED_INTERVALS * intervalMs;
  if (fromMs >= earliestMs) return { sinceMs: fromMs };
  return { sinceMs: earliestMs, missed: { fromMs, toMs: earliestMs } };
}
