import type { Transition } from '../evaluate/transition.ts';

type Change = Pick<Transition, 'id' | 'seq' | 'timestamp' | 'state'>;

/**
 * The share (0 to 1) of the time from `fromMs` to `toMs` in which no alert of a target fired: the
 * share of time that the target was met. Several alerts at once count once.
 *
 * @param transitions all of the target's alerts that reach into that time, in any order, with their
 *   transitions before it
 */
export function shareOfTimeMet(
  transitions: readonly Change[],
  fromMs: number,
  toMs: number,
): number {
  if (toMs <= fromMs) return 1;
  const spans = firingSpans(transitions, toMs).sort((a, b) => a[0] - b[0]);
  let missedMs = 0;
  let untilMs = fromMs;
  for (const [beginMs, endMs] of spans) {
    const begin = Math.max(beginMs, untilMs);
    const end = Math.min(endMs, toMs);
    if (end > begin) {
      missedMs += end - begin;
      untilMs = end;
    }
  }
  return 1 - missedMs / (toMs - fromMs);
}

function firingSpans(transitions: readonly Change[], toMs: number): [number, number][] {
  const spans = new Map<string, [number, number]>();
  const sorted = transitions.toSorted((a, b) => a.timestamp - b.timestamp || a.seq - b.seq);
  for (const { id, state, timestamp } of sorted) {
    const span = spans.get(id);
    if (state === 'resolved') {
      if (span) spans.set(id, [span[0], timestamp]);
    } else if (state !== 'pending' && !span) {
      spans.set(id, [timestamp, toMs]);
    }
  }
  return [...spans.values()];
}
