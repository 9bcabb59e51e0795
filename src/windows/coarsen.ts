import type { Stored } from '../questdb/catalog.ts';
import { ceilTo, DAY_MS, type Range } from './range.ts';
import { fitsInto, type Step, usualStepsMs } from './step.ts';

/** The step that answers, and why it is another one than was asked for. */
export interface Coarsened {
  readonly step: Step;
  /** Undefined when it is the one that was asked for. */
  readonly reason: string | undefined;
}

const UNIT_NAMES = new Map([
  [60_000, 'minute'],
  [3_600_000, 'hour'],
]);

/**
 * Raises a step where the beginning of its range is older than what is kept finely: of that time only
 * sums by the minute or hour exist, and no bucket can cut through one. Where no bucket of the zone's
 * clock fits, as days of a zone that is half an hour off, they follow UTC.
 *
 * @param stored what is kept of the table, as in `plan`
 */
export function coarsened(step: Step, range: Range, stored: readonly Stored[]): Coarsened {
  const unitMs = finestUnitMs(range.fromMs, stored);
  if (unitMs === 0 || fitsInto(step, range, unitMs)) return { step, reason: undefined };
  const kept = `of its beginning only sums by the ${UNIT_NAMES.get(unitMs)} are kept`;
  const longer = usualStepsMs().filter((ms) => ms > step.ms);
  for (const zone of new Set([step.zone, 'utc'])) {
    const ms = [step.ms, ceilTo(step.ms, unitMs), ...longer].find((candidate) =>
      fitsInto({ ms: candidate, zone }, range, unitMs),
    );
    if (ms !== undefined) return { step: { ms, zone }, reason: kept };
  }
  return { step: { ms: ceilTo(step.ms, DAY_MS), zone: 'utc' }, reason: kept };
}

/** Length of the finest intervals that reach back to `fromMs`; 0 for the rows themselves. */
function finestUnitMs(fromMs: number, stored: readonly Stored[]): number {
  const reaching = stored.filter((each) => each.fromMs <= fromMs).map(({ unitMs }) => unitMs);
  if (reaching.length > 0) return Math.min(...reaching);
  return Math.max(0, ...stored.map(({ unitMs }) => unitMs));
}
