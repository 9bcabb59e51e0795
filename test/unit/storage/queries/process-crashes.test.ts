import { expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import {
  countCrashes,
  type ProcessReports,
} from '../../../../src/storage/queries/process-crashes.ts';

const T0 = Date.UTC(2026, 10, 2, 9);
const RANGE = { fromMs: T0, toMs: T0 + 30 * MINUTE_MS };

/** A process that reported in these minutes of the range. */
function makeProcess(from: number, to: number, more: Partial<ProcessReports> = {}): ProcessReports {
  const [firstMs, lastMs] = [T0 + from * MINUTE_MS, T0 + to * MINUTE_MS];
  const service = more.service ?? 'booking';
  return {
    ...{ service, group: { service }, instance: `i${from}` },
    ...{ firstMs, lastMs, lastStatus: 'healthy' },
    ...more,
  };
}

const count = (...processes: readonly ProcessReports[]) =>
  countCrashes(processes, RANGE, 3 * MINUTE_MS).map(({ group, count: crashes }) => [
    group.service,
    crashes,
  ]);

it('counts processes that started and vanished, if another process started later', () => {
  const crashed = [1, 3, 5, 7].map((minute) => makeProcess(minute, minute + 1));
  expect(count(...crashed, makeProcess(9, 30))).toEqual([['booking', 4]]);
});

it('does not count a process that still runs, ended normally, or ran before the range', () => {
  expect(count(makeProcess(1, 29))).toEqual([['booking', 0]]);
  expect(count(makeProcess(1, 5, { lastStatus: 'stopped' }), makeProcess(6, 30))).toEqual([
    ['booking', 0],
  ]);
  expect(count(makeProcess(-20, 5), makeProcess(6, 30))).toEqual([['booking', 0]]);
});

it('does not count a scale-down, or processes of another service', () => {
  expect(count(makeProcess(1, 10), makeProcess(2, 9), makeProcess(-5, 30))).toEqual([
    ['booking', 0],
  ]);
  expect(count(makeProcess(2, 9), makeProcess(12, 30, { service: 'mail' }))).toEqual([
    ['booking', 0],
    ['mail', 0],
  ]);
});
