import { setTimeout as delay } from 'node:timers/promises';
import type { Point } from '../windows/points.ts';
import { floorTo, type Range } from '../windows/range.ts';
import type { EventSource, SentEvent } from './event-stream.ts';

export interface PointSourceOptions {
  readonly intervalMs: number;
  /** How long after its end an interval has all its rows. */
  readonly settleMs: number;
  readonly ask: (range: Range) => Promise<Point[]>;
  readonly now?: () => number;
}

/** Intervals that are asked for at once, and that are sent again to who was away. */
const MOST_AT_ONCE = 60;
const MOST_MISSED = 720;

/**
 * An event for each interval that has ended. Its position is the interval's end, so that who comes back
 * with it gets what follows: nothing twice, and nothing left out, other than what is said as `gap`.
 */
export function pointSource(options: PointSourceOptions): EventSource {
  return { type: 'point', follow: (position, signal) => follow(options, position, signal) };
}

async function* follow(
  { intervalMs, settleMs, ask, now = Date.now }: PointSourceOptions,
  position: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<SentEvent> {
  const readyMs = () => floorTo(now() - settleMs, intervalMs);
  const { sinceMs, missed } = beginOf(position, readyMs(), intervalMs, now());
  if (missed) {
    const data = { from: new Date(missed.fromMs), to: new Date(missed.toMs) };
    yield { type: 'gap', position: String(missed.toMs), data };
  }
  let doneMs = sinceMs;
  while (!signal.aborted) {
    const toMs = Math.min(readyMs(), doneMs + MOST_AT_ONCE * intervalMs);
    // A question that fails is asked again later: who listens misses nothing.
    const found = toMs > doneMs ? await ask({ fromMs: doneMs, toMs }).catch(() => undefined) : [];
    for (const point of found ?? []) yield { position: String(point.to.getTime()), data: point };
    if (found) doneMs = Math.max(doneMs, toMs);
    const waitMs = found ? doneMs + intervalMs + settleMs - now() : intervalMs;
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}

/** Where a listener begins: behind what it has seen, as far as that is not too long ago. */
function beginOf(
  position: string | undefined,
  readyMs: number,
  intervalMs: number,
  nowMs: number,
): { sinceMs: number; missed?: Range } {
  const seenMs = /^\d{1,15}$/.test(position ?? '') ? Number(position) : Number.NaN;
  // What no server can have sent is no position.
  if (!(seenMs <= nowMs)) return { sinceMs: readyMs - intervalMs };
  const fromMs = floorTo(seenMs, intervalMs);
  const earliestMs = readyMs - MOST_MISSED * intervalMs;
  if (fromMs >= earliestMs) return { sinceMs: fromMs };
  return { sinceMs: earliestMs, missed: { fromMs, toMs: earliestMs } };
}
