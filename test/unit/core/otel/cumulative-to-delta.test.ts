import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';

interface Sent {
  readonly startTimeMs: number;
  readonly timeMs: number;
  readonly value: number;
}

/** Points of a counter that is started again from time to time. Returns them with the total of all increases. */
const COUNTER = fc
  .array(fc.record({ increase: fc.nat(9), restarts: fc.boolean() }), {
    minLength: 1,
    maxLength: 30,
  })
  .map((steps) => {
    const points: Sent[] = [];
    let startTimeMs = 1000;
    let timeMs = 1000;
    let value = 0;
    for (const { increase, restarts } of steps) {
      if (restarts) {
        startTimeMs = timeMs + 5;
        value = 0;
      }
      timeMs = Math.max(timeMs, startTimeMs) + 10;
      value += increase;
      points.push({ startTimeMs, timeMs, value });
    }
    return { points, total: steps.reduce((sum, { increase }) => sum + increase, 0) };
  });

/** Stored rows by the start of their interval, as in the database. */
function send(
  series: CumulativeSeries,
  rows: Map<number, number>,
  point: Sent,
): Buffer | undefined {
  const transaction = series.begin(2000);
  const converted = transaction.convertNumber('a', { ...point, attributes: {} });
  const state = transaction.encode();
  transaction.commit();
  if (converted.kind === 'delta') {
    const { startTimeMs, value } = converted.point;
    expect(value).toBeGreaterThanOrEqual(0);
    // A repeated point has the same row.
    expect(rows.get(startTimeMs) ?? value).toBe(value);
    rows.set(startTimeMs, value);
  }
  return state;
}

it('stores each increase once, with repeated points, swapped points, and restarts of the server', () => {
  const faults = fc.array(fc.constantFrom('none', 'repeat', 'swap', 'restart', 'refuse'), {
    minLength: 30,
    maxLength: 30,
  });
  fc.assert(
    fc.property(COUNTER, faults, ({ points, total }, faultAt) => {
      let series = new CumulativeSeries({ sinceMs: 0 });
      const records: Buffer[] = [];
      const rows = new Map<number, number>();
      const sendAndKeep = (point: Sent) => {
        const state = send(series, rows, point);
        if (state) records.push(state);
      };
      for (let i = 0; i < points.length; i++) {
        const fault = faultAt[i];
        const point = points[i]!;
        const next = points[i + 1];
        if (fault === 'refuse') {
          const transaction = series.begin(2000);
          transaction.convertNumber('a', { ...point, attributes: {} });
          transaction.rollback();
        }
        // Points of one start, or of the next one.
        if (fault === 'swap' && next) {
          sendAndKeep(next);
          i++;
        }
        sendAndKeep(point);
        if (fault === 'restart') {
          series = new CumulativeSeries({ sinceMs: 0 });
          for (const record of records) series.states.merge(record);
        }
        if (fault === 'repeat' || fault === 'restart') sendAndKeep(point);
      }
      expect([...rows.values()].reduce((sum, value) => sum + value, 0)).toBe(total);
    }),
  );
});
