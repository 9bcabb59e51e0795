import { coarsened } from '../windows/coarsen.ts';
import { DAY_MS, lengthMs, type Range } from '../windows/range.ts';
import { type Step, usualStepMs } from '../windows/step.ts';
import type { Store } from '../windows/store.ts';
import { refusal } from './refusal.ts';
import { lengthOf, lengthText } from './time-range.ts';

/** Buckets of time that one answer has at most. */
const MOST_BUCKETS = 2000;

export interface StepAnswer {
  readonly step: Step;
  /** Why another step is answered than was asked for. */
  readonly notes: readonly string[];
}

/**
 * The step of a series: as asked for, else the usual one; longer where the rows of its time are gone.
 *
 * @param range all that is asked about, with what it is compared with
 * @throws PS_REQUEST_INVALID when it gives too many buckets, or parts of days
 */
export async function stepOf(
  asked: string | undefined,
  { range, whole = range, zone }: { range: Range; whole?: Range; zone: string },
  store: Store,
  tables: readonly string[],
): Promise<StepAnswer> {
  const ms = asked === undefined ? usualStepMs(range) : checkedStep(lengthOf(asked), range);
  const catalog = await store.catalog();
  let step: Step = { ms, zone };
  const reasons = new Set<string>();
  for (const table of tables) {
    const { step: raised, reason } = coarsened(step, whole, catalog.get(table) ?? []);
    step = raised;
    if (reason !== undefined) reasons.add(reason);
  }
  return { step, notes: [...reasons].map((reason) => noteOf(step, ms, reason)) };
}

function checkedStep(ms: number, range: Range): number {
  if (ms > DAY_MS && ms % DAY_MS !== 0) {
    throw refusal({
      parameter: 'step',
      reason: 'is more than a day, but not of whole days',
      allowed: '1d, 2d, 7d, or less than a day',
    });
  }
  if (lengthMs(range) / ms > MOST_BUCKETS) {
    throw refusal({
      parameter: 'step',
      reason: `gives more than ${MOST_BUCKETS} buckets of time`,
      allowed: `${lengthText(usualStepMs(range, MOST_BUCKETS))} or more for this range`,
    });
  }
  return ms;
}

function noteOf({ ms, zone }: Step, askedMs: number, reason: string): string {
  const raised =
    ms === askedMs
      ? `its buckets follow ${zone}`
      : `its step is ${lengthText(ms)}, not ${lengthText(askedMs)}`;
  return `The range is old: ${reason}, so ${raised}.`;
}
