import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';
import type { SeriesTransaction } from '../../../../src/core/otel/series/cumulative-to-delta.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Runs a transaction. Returns its result and the encoded changes. */
function run<T>(
  series: CumulativeSeries,
  nowMs: number,
  use: (transaction: SeriesTransaction) => T,
): { result: T; state: Buffer | undefined } {
  const transaction = series.begin(nowMs);
  const result = use(transaction);
  const state = transaction.encode();
  transaction.commit();
  return { result, state };
}

function send(series: CumulativeSeries, key: string, timeMs: number, value: number, startMs = 1) {
  return run(series, timeMs, (transaction) =>
    transaction.convertNumber(key, { attributes: {}, startTimeMs: startMs, timeMs, value }),
  ).result;
}

function sendDelta(series: CumulativeSeries, startMs: number, timeMs: number): boolean {
  const times = { startTimeMs: startMs, timeMs };
  return (
    run(series, timeMs, (transaction) => transaction.checkDelta('a', times)).result === undefined
  );
}

it('counts each increase once if a series changes its temporality', () => {
  const unit = fc.record({
    increase: fc.nat(9),
    isDelta: fc.boolean(),
    repeats: fc.boolean(),
    restarts: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(unit, { minLength: 1, maxLength: 20 }), (steps) => {
      const series = new CumulativeSeries({ sinceMs: 0 });
      const rows = new Map<number, number>();
      let total = 0;
      let startMs = 1000;
      let value = 0;
      let lastMs = 1000;
      let wasDelta: boolean | undefined;
      for (const [i, { increase, isDelta, repeats, restarts }] of steps.entries()) {
        // Changed settings need a restart of the sender, so that its values start at 0.
        if (restarts || (wasDelta !== undefined && wasDelta !== isDelta)) {
          startMs = lastMs + 1;
          value = 0;
        }
        wasDelta = isDelta;
        const timeMs = 1000 + (i + 1) * 10;
        value += increase;
        total += increase;
        for (let n = 0; n < (repeats ? 2 : 1); n++) {
          if (isDelta) {
            const deltaStartMs = Math.max(startMs, lastMs);
            expect(sendDelta(series, deltaStartMs, timeMs)).toBe(true);
            rows.set(deltaStartMs, increase);
          } else {
            const converted = send(series, 'a', timeMs, value, startMs);
            if (converted.kind !== 'delta') throw new Error(converted.reason);
            rows.set(converted.startTimeMs, converted.point.value);
          }
        }
        lastMs = timeMs;
      }
      expect([...rows.values()].reduce((sum, each) => sum + each, 0)).toBe(total);
    }),
  );
});

it('ignores a delta whose increase is part of a cumulative point, and the reverse', () => {
  const series = new CumulativeSeries({ sinceMs: 0 });
  expect(sendDelta(series, 5, 10)).toBe(true);
  expect(send(series, 'a', 20, 7)).toMatchObject({ kind: 'delta', startTimeMs: 1 });
  // From before the cumulative point, and overlapping it.
  expect(sendDelta(series, 10, 20)).toBe(false);
  expect(sendDelta(series, 19, 30)).toBe(false);
  expect(sendDelta(series, 20, 30)).toBe(true);
  expect(sendDelta(series, 20, 30)).toBe(true);
  expect(send(series, 'a', 30, 9)).toEqual({ kind: 'ignored', reason: 'superseded' });
  // A part of this value was stored as deltas.
  expect(send(series, 'a', 40, 12)).toEqual({ kind: 'ignored', reason: 'baseline' });
  expect(send(series, 'a', 50, 15)).toMatchObject({ kind: 'delta', point: { value: 3 } });
});

it('keeps facts for 24 h after they were last noted, and stores them at most once per hour', () => {
  const series = new CumulativeSeries({ sinceMs: 0 });
  const note = (nowMs: number) =>
    run(series, nowMs, (transaction) => transaction.noteFact('fact')).state;
  const has = (nowMs: number) => {
    // The end of each transaction removes what has expired.
    run(series, nowMs, () => {});
    return run(series, nowMs, (transaction) => transaction.hasFact('fact')).result;
  };
  expect(has(0)).toBe(false);
  const rolledBack = series.begin(0);
  rolledBack.noteFact('fact');
  expect(rolledBack.hasFact('fact')).toBe(true);
  rolledBack.rollback();
  expect(has(0)).toBe(false);

  const first = note(0)!;
  expect(first).toBeInstanceOf(Buffer);
  expect(has(0)).toBe(true);
  expect(note(HOUR_MS - 1000)).toBeUndefined();
  const second = note(HOUR_MS)!;
  expect(second).toBeInstanceOf(Buffer);
  expect(has(HOUR_MS + DAY_MS)).toBe(true);
  expect(has(HOUR_MS + DAY_MS + 1000)).toBe(false);

  const restarted = new CumulativeSeries({ sinceMs: 0 });
  for (const state of [second, first]) restarted.states.merge(state);
  expect(restarted.states.getFactSeconds('fact')).toBe(HOUR_MS / 1000);
});

it('keeps the series that were changed last, like a simple list', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    waitMs: fc.constantFrom(1000, HOUR_MS, DAY_MS / 2, DAY_MS, DAY_MS + 1000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, restarts) => {
      const limits = { sinceMs: 0, maxSeries: 4 };
      let series = new CumulativeSeries(limits);
      let list: { key: string; timeMs: number; value: number }[] = [];
      let dropped = 0;
      let hasForgotten = false;
      let nowMs = DAY_MS;
      for (const [i, { key, waitMs }] of steps.entries()) {
        nowMs += waitMs;
        if (restarts && i % 5 === 4) {
          const copy = new CumulativeSeries(limits);
          for (const chunk of series.states.encodeAll()) copy.states.merge(chunk);
          copy.states.sort();
          dropped = 0;
          series = copy;
        }
        const known = list.find((each) => each.key === key);
        const converted = send(series, key, nowMs, i, 1000);
        const value = known ? i - known.value : i;
        // After the first series was forgotten, it is not known whether a new one was stored before.
        const isBase = !known && hasForgotten;
        expect(converted).toMatchObject(
          isBase ? { kind: 'ignored', reason: 'baseline' } : { kind: 'delta', point: { value } },
        );
        list = [...list.filter((each) => each !== known), { key, timeMs: nowMs, value: i }];
        const { length } = list;
        const droppedBefore = dropped;
        if (list.length > 4) {
          list.shift();
          dropped++;
        }
        list = list.filter((each) => each.timeMs >= nowMs - DAY_MS);
        hasForgotten ||= list.length < length || dropped > droppedBefore;
        expect(series.size).toBe(list.length);
        expect(series.droppedSeries).toBe(dropped);
        for (const each of list) expect(series.states.get(each.key)?.timeMs).toBe(each.timeMs);
      }
    }),
  );
});

it('stores no part of a forgotten series again, and all of a series that started later', () => {
  const series = new CumulativeSeries({ sinceMs: 0, maxSeries: 2 });
  expect(send(series, 'a', 2000, 5, 1000)).toMatchObject({ kind: 'delta', point: { value: 5 } });
  send(series, 'b', 2000, 5, 1000);
  send(series, 'c', 2000, 5, 1500);
  expect(series.droppedSeries).toBe(1);
  expect(send(series, 'a', 3000, 8, 1000)).toEqual({ kind: 'ignored', reason: 'baseline' });
  expect(send(series, 'a', 4000, 9, 1000)).toMatchObject({ kind: 'delta', point: { value: 1 } });
  expect(send(series, 'a', 6000, 2, 5000)).toMatchObject({ kind: 'delta', point: { value: 2 } });
});

it('forgets the oldest series if all series together have too many buckets', () => {
  const series = new CumulativeSeries({ sinceMs: 0, maxCounts: 20 });
  const sendHistogram = (key: string, timeMs: number) =>
    run(series, timeMs, (transaction) =>
      transaction.convertHistogram(key, {
        ...{ attributes: {}, startTimeMs: 1, timeMs, count: 4, sum: 4 },
        ...{ bounds: [1, 2, 3], bucketCounts: [1, 1, 1, 1] },
      }),
    );
  // The state of each series has four counts of its value, and four of its last delta.
  for (const timeMs of [10, 20, 30]) {
    for (const key of ['a', 'b']) sendHistogram(key, timeMs);
  }
  expect(series.droppedSeries).toBe(0);
  sendHistogram('c', 40);
  expect(series.droppedSeries).toBe(1);
  expect(['a', 'b', 'c'].filter((key) => series.states.get(key))).toEqual(['b', 'c']);
});
