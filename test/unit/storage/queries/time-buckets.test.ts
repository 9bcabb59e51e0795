import fc from 'fast-check';
import { DateTime } from 'luxon';
import { expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { toComparisonRange } from '../../../../src/storage/queries/comparison.ts';
import {
  chooseStepMs,
  isAlignedToBuckets,
  listBuckets,
  splitAtOffsetChanges,
  toBucketRange,
} from '../../../../src/storage/queries/time-buckets.ts';
import { floorTo } from '../../../../src/storage/queries/time-range.ts';
import { readLocalClock, zonedMoment } from '../../../support/local-clock.ts';

const BERLIN = 'Europe/Berlin';
const berlin = (text: string) => DateTime.fromISO(text, { zone: BERLIN }).toMillis();

/** Returns the bucket that QuestDB computes for a row with the SQL of `toBucketSql`. */
function bucketAt(
  ms: number,
  step: { ms: number; zone: string },
  range: Parameters<typeof splitAtOffsetChanges>[2],
) {
  const part = splitAtOffsetChanges(range, step, range).find(
    ({ fromMs, toMs }) => fromMs <= ms && ms < toMs,
  )!;
  return new Date(floorTo(ms + part.offsetMs, step.ms));
}

it.each([
  ['an ordinary day', '2026-06-10', 24],
  ['the day when daylight saving time starts', '2026-03-29', 23],
  ['the day when daylight saving time ends', '2026-10-25', 25],
])('a daily bucket is as long as %s', (_name, day, hours) => {
  const step = { ms: DAY_MS, zone: BERLIN };
  const range = { fromMs: berlin(`${day}T00:00`), toMs: berlin(`${day}T00:00`) + hours * HOUR_MS };
  for (const ms of [range.fromMs, range.fromMs + 3.5 * HOUR_MS, range.toMs - 1]) {
    expect(toBucketRange(bucketAt(ms, step, range), step, range)).toEqual(range);
  }
});

it('a daily bucket contains the moments at which a clock shows its date', () => {
  fc.assert(
    fc.property(zonedMoment, ({ zone, ms }) => {
      // In St. John's, the clock was set back from 00:01 to 23:01, so one minute belonged to a date that then started again.
      fc.pre(zone !== 'America/St_Johns');
      const step = { ms: DAY_MS, zone };
      const range = { fromMs: ms - 5 * DAY_MS, toMs: ms + 5 * DAY_MS };
      const bucket = toBucketRange(bucketAt(ms, step, range), step, range);
      const getDate = (moment: number) => readLocalClock(moment, zone).date;
      expect([bucket.fromMs, ms, bucket.toMs - 1].map(getDate)).toEqual(
        [0, 0, 0].map(() => getDate(ms)),
      );
      expect(getDate(bucket.fromMs - 1) < getDate(ms)).toBe(true);
      expect(getDate(bucket.toMs) > getDate(ms)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

it('every bucket contains the times assigned to it', () => {
  const zone = fc.constantFrom(
    'utc',
    BERLIN,
    'Asia/Kolkata',
    'America/St_Johns',
    'Australia/Lord_Howe',
  );
  const ms = fc.constantFrom(MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS);
  const day = fc.integer({ min: 0, max: 365 }).map((d) => Date.UTC(2026, 0, 1) + d * DAY_MS);
  const share = fc.double({ min: 0, max: 0.999, noNaN: true });
  fc.assert(
    fc.property(zone, ms, day, share, (name, length, fromMs, at) => {
      const step = { ms: length, zone: name };
      const range = { fromMs, toMs: fromMs + 20 * DAY_MS };
      const moment = Math.floor(fromMs + at * 20 * DAY_MS);
      const bucket = toBucketRange(bucketAt(moment, step, range), step, range);
      expect(bucket.fromMs).toBeLessThanOrEqual(moment);
      expect(bucket.toMs).toBeGreaterThan(moment);
    }),
  );
});

it('roll-up intervals are aligned if none of them crosses a bucket boundary', () => {
  const range = { fromMs: Date.UTC(2026, 5, 1), toMs: Date.UTC(2026, 5, 8) };
  expect(isAlignedToBuckets({ ms: DAY_MS, zone: BERLIN }, range, HOUR_MS)).toBe(true);
  expect(isAlignedToBuckets({ ms: DAY_MS, zone: 'Asia/Kolkata' }, range, HOUR_MS)).toBe(false);
  expect(isAlignedToBuckets({ ms: DAY_MS, zone: 'Asia/Kolkata' }, range, MINUTE_MS)).toBe(true);
  expect(isAlignedToBuckets({ ms: 90 * MINUTE_MS, zone: 'utc' }, range, HOUR_MS)).toBe(false);
});

it('chooses a step that gives a readable number of buckets', () => {
  const last = (ms: number) => ({ fromMs: 0, toMs: ms });
  expect(chooseStepMs(last(HOUR_MS))).toBe(2 * MINUTE_MS);
  expect(chooseStepMs(last(DAY_MS))).toBe(HOUR_MS);
  expect(chooseStepMs(last(30 * DAY_MS))).toBe(DAY_MS);
});

it('compares with the same local hours of an earlier day, or with the previous range', () => {
  const range = { fromMs: berlin('2026-03-29T10:00'), toMs: berlin('2026-03-29T11:00') };
  expect(toComparisonRange(range, 'yesterday', BERLIN).fromMs).toBe(berlin('2026-03-28T10:00'));
  expect(range.fromMs - toComparisonRange(range, 'yesterday', BERLIN).fromMs).toBe(23 * HOUR_MS);
  expect(toComparisonRange(range, 'lastWeek', BERLIN).toMs).toBe(berlin('2026-03-22T11:00'));
  expect(toComparisonRange(range, 'previous', BERLIN)).toEqual({
    fromMs: range.fromMs - HOUR_MS,
    toMs: range.fromMs,
  });
});

it('lists the buckets of all times in a range, without gaps', () => {
  const steps = fc.constantFrom(7 * MINUTE_MS, 3 * HOUR_MS, DAY_MS, 7 * DAY_MS);
  const lengths = fc.integer({ min: 1, max: 20 * DAY_MS });
  fc.assert(
    fc.property(zonedMoment, steps, lengths, fc.double({ min: 0, max: 0.999, noNaN: true }), check),
    { numRuns: 300 },
  );

  function check(moment: { zone: string; ms: number }, ms: number, length: number, share: number) {
    const { zone, ms: fromMs } = moment;
    // See the test above.
    fc.pre(zone !== 'America/St_Johns');
    const [step, range] = [
      { ms, zone },
      { fromMs, toMs: fromMs + length },
    ];
    const buckets = listBuckets(step, range);
    expect(buckets[0]!.fromMs).toBeLessThanOrEqual(range.fromMs);
    expect(buckets.at(-1)!.fromMs).toBeLessThan(range.toMs);
    expect(buckets.at(-1)!.toMs).toBeGreaterThanOrEqual(range.toMs);
    for (const [i, { toMs }] of buckets.slice(0, -1).entries()) {
      expect(buckets[i + 1]!.fromMs).toBe(toMs);
    }
    const atMs = fromMs + Math.floor(share * length);
    expect(buckets).toContainEqual(toBucketRange(bucketAt(atMs, step, range), step, range));
  }
});
