import { expect, it } from 'vitest';
import { WalLagTracker } from '../../../../src/storage/questdb/wal-lag-tracker.ts';

it("measures a table's lag as the age of the oldest unreadable transaction", () => {
  const lag = new WalLagTracker();
  const update = (writtenTxn: number, appliedTxn: number, now: number) =>
    lag.update([{ table: 't', writtenTxn, appliedTxn }], now)[0]?.lagMs;
  expect(update(5, 5, 0)).toBe(0);
  expect(update(7, 5, 1000)).toBe(0);
  expect(update(9, 6, 31_000)).toBe(30_000);
  // Transaction 7 has become readable. Transaction 9, known for 10 s, has not.
  expect(update(9, 8, 41_000)).toBe(10_000);
  expect(update(9, 9, 51_000)).toBe(0);
});
