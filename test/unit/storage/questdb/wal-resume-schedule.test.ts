import { expect, it } from 'vitest';
import { WalResumeSchedule } from '../../../../src/storage/questdb/wal-resume-schedule.ts';

const toTable = (table: string, suspended: boolean) => ({
  table,
  suspended,
  writtenTxn: 2,
  appliedTxn: 1,
  reason: 'DISK FULL',
});
const SUSPENDED = [toTable('alerts', true), toTable('silences', false)];
const RUNNING = [toTable('alerts', false), toTable('silences', false)];

/** Updates the schedule every 1 s, and returns the times at which the table is due. */
function listAttempts(schedule: WalResumeSchedule, fromS: number, toS: number): number[] {
  const attempts: number[] = [];
  for (let s = fromS; s < toS; s++) {
    for (const table of schedule.update(SUSPENDED, false, s * 1000).due) {
      schedule.recordAttempt(table, s * 1000);
      attempts.push(s);
    }
  }
  return attempts;
}

it('resumes a suspended table at once, and waits longer after each attempt, up to 5 minutes', () => {
  const attempts = listAttempts(new WalResumeSchedule(), 0, 1600);
  expect(attempts).toEqual([0, 5, 15, 35, 75, 155, 315, 615, 915, 1215, 1515]);
});

it('keeps a table due until an attempt is made', () => {
  const schedule = new WalResumeSchedule();
  expect(schedule.update(SUSPENDED, false, 0).due).toEqual(['alerts']);
  expect(schedule.update(SUSPENDED, false, 1000).due).toEqual(['alerts']);
});

it('waits until disk space is free', () => {
  const schedule = new WalResumeSchedule();
  expect(schedule.update(SUSPENDED, true, 0).due).toEqual([]);
  expect(schedule.update(SUSPENDED, true, 1_000_000).due).toEqual([]);
  expect(schedule.update(SUSPENDED, false, 1_001_000).due).toEqual(['alerts']);
});

it('reports each suspension and each recovery once', () => {
  const schedule = new WalResumeSchedule();
  const update = (tables: typeof SUSPENDED, now: number) => {
    const { newlySuspended, recovered } = schedule.update(tables, false, now);
    return [newlySuspended.map(({ table }) => table), recovered];
  };
  expect(update(RUNNING, 0)).toEqual([[], []]);
  expect(update(SUSPENDED, 1000)).toEqual([['alerts'], []]);
  expect(update(SUSPENDED, 2000)).toEqual([[], []]);
  expect(update(RUNNING, 3000)).toEqual([[], ['alerts']]);
  expect(update(RUNNING, 4000)).toEqual([[], []]);
  expect(update(SUSPENDED, 5000)).toEqual([['alerts'], []]);
});

it('keeps the delay of a table that is suspended again soon', () => {
  const schedule = new WalResumeSchedule();
  expect(listAttempts(schedule, 0, 20)).toEqual([0, 5, 15]);
  schedule.update(RUNNING, false, 20_000);
  expect(listAttempts(schedule, 21, 40)).toEqual([35]);
});

it('starts with the shortest delay after a minute without a suspension', () => {
  const schedule = new WalResumeSchedule();
  expect(listAttempts(schedule, 0, 20)).toEqual([0, 5, 15]);
  schedule.update(RUNNING, false, 20_000);
  schedule.update(RUNNING, false, 80_000);
  expect(listAttempts(schedule, 81, 90)).toEqual([81, 86]);
});
