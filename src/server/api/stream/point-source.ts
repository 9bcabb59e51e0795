import { setTimeout as delay } from 'node:timers/promises';
import {
  type IntervalPoint,
  queryIntervalPoints,
} from '../../../storage/queries/interval-points.ts';
import { type Query, toGroupKey } from '../../../storage/queries/query.ts';
import { floorTo, type TimeRange } from '../../../storage/queries/query-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { StreamEvent, StreamEventSource } from './event-stream.ts';

const MAX_OPEN_STREAMS = 100;
/** Answers that are shared; each is asked for within seconds by all who want it. */
const MAX_SHARED_RESULTS = 200;

/** What the open streams of one server share. */
export class StreamRegistry {
  #open = 0;
  readonly #asked = new Map<string, Promise<IntervalPoint[]>>();

  /** @returns what frees the place again; undefined when there is none left */
  acquire(): (() => void) | undefined {
    if (this.#open >= MAX_OPEN_STREAMS) return undefined;
    this.#open += 1;
    return () => {
      this.#open -= 1;
    };
  }

  /** The figures of each interval. Who asks the same at the same time gets the same answer. */
  queryPoints(store: QueryClient, question: Query, intervalMs: number): Promise<IntervalPoint[]> {
    const key = toGroupKey([question, intervalMs]);
    const known = this.#asked.get(key);
    if (known) return known;
    const asked = queryIntervalPoints(store, question, intervalMs);
    this.#asked.set(key, asked);
    asked.catch(() => this.#asked.delete(key));
    for (const oldest of this.#asked.keys()) {
      if (this.#asked.size <= MAX_SHARED_RESULTS) break;
      this.#asked.delete(oldest);
    }
    return asked;
  }
}

export interface PointSourceOptions {
  readonly intervalMs: number;
  /** How long after its end an interval has all its rows. */
  readonly maxWriteDelayMs: number;
  readonly queryPoints: (range: TimeRange) => Promise<IntervalPoint[]>;
  readonly now?: () => number;
}

/** Intervals that are asked for at once, and that are sent again to who was away. */
const MAX_INTERVALS_PER_QUERY = 60;
const MAX_MISSED_INTERVALS = 720;

/**
 * An event for each interval that has ended. Its position is the interval's end, so that who comes back
 * with it gets what follows: nothing twice, and nothing left out, other than what is said as `gap`.
 */
export function createPointSource(options: PointSourceOptions): StreamEventSource {
  return { type: 'point', follow: (position, signal) => followPoints(options, position, signal) };
}

async function* followPoints(
  { intervalMs, maxWriteDelayMs: settleMs, queryPoints: ask, now = Date.now }: PointSourceOptions,
  position: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  const readyMs = () => floorTo(now() - settleMs, intervalMs);
  const { sinceMs, missed } = getStartPosition(position, readyMs(), intervalMs, now());
  if (missed) {
    const data = { from: new Date(missed.fromMs), to: new Date(missed.toMs) };
    yield { type: 'gap', position: String(missed.toMs), data };
  }
  let doneMs = sinceMs;
  while (!signal.aborted) {
    const toMs = Math.min(readyMs(), doneMs + MAX_INTERVALS_PER_QUERY * intervalMs);
    // A question that fails is asked again later: who listens misses nothing.
    const found = toMs > doneMs ? await ask({ fromMs: doneMs, toMs }).catch(() => undefined) : [];
    for (const point of found ?? []) yield { position: String(point.to.getTime()), data: point };
    if (found) doneMs = Math.max(doneMs, toMs);
    const waitMs = found ? doneMs + intervalMs + settleMs - now() : intervalMs;
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}

/** Where a listener begins: behind what it has seen, as far as that is not too long ago. */
function getStartPosition(
  position: string | undefined,
  readyMs: number,
  intervalMs: number,
  nowMs: number,
): { sinceMs: number; missed?: TimeRange } {
  const seenMs = /^\d{1,15}$/.test(position ?? '') ? Number(position) : Number.NaN;
  // What no server can have sent is no position.
  if (!(seenMs <= nowMs)) return { sinceMs: readyMs - intervalMs };
  const fromMs = floorTo(seenMs, intervalMs);
  const earliestMs = readyMs - MAX_MISSED_INTERVALS * intervalMs;
  if (fromMs >= earliestMs) return { sinceMs: fromMs };
  return { sinceMs: earliestMs, missed: { fromMs, toMs: earliestMs } };
}
