import { type Judgement, type Level, type Rule, windowOf } from '../rules/rule.ts';
import { type GroupState, hasReported, type Latches, postponed } from './group-state.ts';
import { latch } from './latch.ts';
import type { Observation } from './observation.ts';

/**
 * Lets an observation, or that there is none, move the latches. Data that say nothing new leave
 * them as they are: a window that slides over late data must neither fire nor resolve.
 */
export function judge(
  before: GroupState,
  observation: Observation | undefined,
  rule: Rule,
  judgement: Judgement,
  now: number,
): GroupState {
  const value = observation?.value;
  if (observation === undefined || value === undefined || Number.isNaN(value)) {
    return absent(before, rule, judgement, now);
  }
  const newestMs = Math.min(observation.newestMs, now);
  const { count } = observation;
  const seen = { ...before, count, absentSinceMs: undefined };
  // Rows of a slower instance may be older than the newest; then at least there are more of them.
  if (newestMs <= before.clockMs && count <= before.count) return seen;
  const few = count < judgement.minimumCount;
  if (few && rule.noData === 'keep') return seen;
  const gapMs = newestMs - before.clockMs;
  // Nothing is known of a gap that is longer than the window, so nothing lasted through it.
  const bridged = gapMs > windowOf(rule) && Number.isFinite(gapMs) ? postponed(seen, gapMs) : seen;
  const clockMs = Math.max(newestMs, before.clockMs);
  const breaches = (level: Level) => !few && beyond(value, level, bridged.levels, rule, judgement);
  return {
    ...bridged,
    value,
    clockMs,
    missing: false,
    levels: moved(bridged.levels, judgement, rule, clockMs, breaches),
  };
}

function absent(before: GroupState, rule: Rule, judgement: Judgement, now: number): GroupState {
  const absentSinceMs = before.absentSinceMs ?? now;
  const state = { ...before, absentSinceMs, count: 0 };
  if (now - absentSinceMs < rule.noDataAfterMs || rule.noData === 'keep') return state;
  // Only of a group that was seen to report can it be said that it used to.
  if (rule.noData === 'alert') return { ...state, missing: state.missing || hasReported(state) };
  const clockMs = Math.max(now, before.clockMs);
  return {
    ...state,
    clockMs,
    levels: moved(before.levels, judgement, rule, clockMs, () => false),
  };
}

function moved(
  before: Latches,
  judgement: Judgement,
  rule: Rule,
  atMs: number,
  breached: (level: Level) => boolean,
): Latches {
  const { forMs, keepFiringForMs } = rule;
  return Object.fromEntries(
    judgement.levels.map((level) => [
      level.severity,
      latch(before[level.severity], breached(level), atMs, forMs, keepFiringForMs),
    ]),
  );
}

/** Between recovery and first threshold an alert that fires goes on, and none begins. */
function beyond(
  value: number,
  level: Level,
  latches: Latches,
  rule: Rule,
  { levels, recovery }: Judgement,
): boolean {
  const holds = level === levels[0] && latches[level.severity]?.active === true;
  const limit = holds ? (recovery ?? level.threshold) : level.threshold;
  return rule.direction === 'above' ? value > limit : value < limit;
}
