import { type AlertRule, isBeyond } from '../../alerts/rules/alert-rule.ts';
import { type ReplayWindow, type ValueLimits, WindowValues } from '../sources/replay-source.ts';
import { MAX_PAUSE_INTERVALS, type QuietGroup } from './quiet-group.ts';

/** For fewer times, visiting each window is faster. */
const MIN_JUMP = 4;
const ROUNDING = 1e-9;

interface TimeFacts {
  readonly times: readonly number[];
  readonly longestPauseMs: number;
  /** A list with the last time. */
  readonly last: readonly number[];
}

/** Evaluates a group at several times at once, if its state can't change at any of them. */
export class QuietSkipper {
  readonly #rule: AlertRule;
  #values = new WindowValues(0);
  #timeFacts: TimeFacts | undefined;

  constructor(rule: AlertRule) {
    this.#rule = rule;
  }

  /**
   * Evaluates a quiet group, or a group without a state.
   *
   * @param times the next times of evaluation, sorted
   * @returns whether the group was evaluated. If not, the window and the group are the same as before.
   */
  skip(quiet: QuietGroup | undefined, window: ReplayWindow, times: readonly number[]): boolean {
    if (this.#values.size < times.length) this.#values = new WindowValues(times.length);
    window.save();
    if (quiet && this.#jump(quiet, window, times)) return true;
    window.advanceAll(times, this.#values);
    const isSkipped = quiet
      ? this.#visitAll(quiet, times, this.#values)
      : hasNoValue(this.#values, times.length);
    if (!isSkipped) window.restore();
    return isSkipped;
  }

  /**
   * Does the same as `#visitAll`, but visits only the last window, if the limits of all values show that no threshold
   * is reached. Otherwise, the window is at its former position.
   */
  #jump(quiet: QuietGroup, window: ReplayWindow, times: readonly number[]): boolean {
    if (times.length < MIN_JUMP) return false;
    const { longestPauseMs, last } = this.#getTimeFacts(times);
    const maxPauseMs = MAX_PAUSE_INTERVALS * this.#rule.intervalMs;
    const elapsedMs = times[0]! - quiet.evaluatedMs;
    if (longestPauseMs > maxPauseMs || elapsedMs < 0 || elapsedMs > maxPauseMs) return false;
    const beforeMs = times[times.length - 2]!;
    const lastMs = last[0]!;
    const limits = window.findLimits?.(times[0]!, lastMs);
    if (!limits || this.#canReachThreshold(quiet, limits)) return false;
    const { value, clockMs, sinceMs, count, evaluatedMs } = quiet;
    window.jump?.(lastMs);
    window.advanceAll(last, this.#values);
    quiet.evaluatedMs = beforeMs;
    // Without new rows or evidence in the last window, the state has the value of an earlier window.
    const isNew =
      this.#values.newestMs[0]! >= beforeMs && this.#visitAll(quiet, last, this.#values);
    if (isNew && quiet.clockMs > clockMs) {
      quiet.sinceMs = Math.min(quiet.sinceMs, limits.oldestMs);
      return true;
    }
    Object.assign(quiet, { value, clockMs, sinceMs, count, evaluatedMs });
    window.restore();
    return false;
  }

  /** Computes facts about the times only once for all groups. */
  #getTimeFacts(times: readonly number[]): TimeFacts {
    if (this.#timeFacts?.times !== times) {
      const pauses = times.slice(1).map((now, i) => now - times[i]!);
      this.#timeFacts = { times, longestPauseMs: Math.max(0, ...pauses), last: times.slice(-1) };
    }
    return this.#timeFacts;
  }

  #canReachThreshold({ thresholds }: QuietGroup, { lower, upper }: ValueLimits): boolean {
    const { direction } = this.#rule;
    const limit = direction === 'above' ? upper : lower;
    // A sum of rounded numbers can be a little beyond.
    const widened = limit + (direction === 'above' ? 1 : -1) * ROUNDING * Math.abs(limit);
    return (
      !Number.isFinite(limit) ||
      thresholds.levels.some(({ threshold }) => isBeyond(widened, threshold, direction))
    );
  }

  /** Does the same as `RuleReplay.evaluate` for several observations. Returns false if the group has to be evaluated. */
  #visitAll(quiet: QuietGroup, times: readonly number[], output: WindowValues): boolean {
    const { direction, noData, evidence, intervalMs } = this.#rule;
    const { levels, minimumCount } = quiet.thresholds;
    let { clockMs, sinceMs, count, evaluatedMs } = quiet;
    /** Index of the last value that counts. A variable for the value would be copied to the heap each time. */
    let valueIndex = -1;
    for (let i = 0; i < times.length; i++) {
      const now = times[i]!;
      const newestMs = Math.min(output.newestMs[i]!, now);
      const current = output.values[i]!;
      const elapsedMs = now - evaluatedMs;
      if (Number.isNaN(newestMs) || Number.isNaN(current)) return false;
      if (elapsedMs < 0 || elapsedMs > MAX_PAUSE_INTERVALS * intervalMs) return false;
      for (const { threshold } of levels) {
        if (isBeyond(current, threshold, direction)) return false;
      }
      const currentCount = output.counts[i]!;
      const coveredMs = output.coveredMs[i]!;
      const isOld = newestMs <= clockMs && currentCount <= count;
      const isTooFew = currentCount < minimumCount || coveredMs < evidence.minimumCoverageMs;
      evaluatedMs = now;
      count = currentCount;
      sinceMs = Math.min(sinceMs, newestMs - coveredMs);
      if (isOld || (isTooFew && noData === 'keep')) continue;
      clockMs = Math.max(newestMs, clockMs);
      valueIndex = i;
    }
    if (valueIndex >= 0) quiet.value = output.values[valueIndex]!;
    quiet.clockMs = clockMs;
    quiet.sinceMs = sinceMs;
    quiet.count = count;
    quiet.evaluatedMs = evaluatedMs;
    return true;
  }
}

function hasNoValue({ values, newestMs }: WindowValues, length: number): boolean {
  for (let i = 0; i < length; i++) {
    if (!Number.isNaN(newestMs[i]!) && !Number.isNaN(values[i]!)) return false;
  }
  return true;
}
