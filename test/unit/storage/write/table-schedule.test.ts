import { beforeEach, expect, it } from 'vitest';
import { TableSchedule } from '../../../../src/storage/write/table-schedule.ts';

let nowMs: number;
let schedule: TableSchedule;
beforeEach(() => {
  nowMs = 1000;
  schedule = new TableSchedule(() => nowMs);
});

function fail(table: string, times: number): void {
  for (let i = 0; i < times; i++) schedule.onFailure(table, false);
}

it('waits longer after each failure, up to 5 s', () => {
  const waits = Array.from({ length: 20 }, () => {
    schedule.onFailure('a', false);
    return schedule.getWaitMs('a');
  });
  expect(waits[0]).toBeGreaterThanOrEqual(100);
  expect(waits[0]).toBeLessThanOrEqual(200);
  for (const wait of waits.slice(6)) {
    expect(wait).toBeGreaterThanOrEqual(2500);
    expect(wait).toBeLessThanOrEqual(5000);
  }
});

it('blocks a table only after some failures, and only until the next request', () => {
  fail('a', 3);
  expect([schedule.canSend('a'), schedule.isBlocked('a')]).toEqual([false, false]);
  fail('a', 1);
  expect([schedule.canSend('a'), schedule.isBlocked('a')]).toEqual([false, true]);
  nowMs += 5000;
  expect([schedule.canSend('a'), schedule.isBlocked('a')]).toEqual([true, false]);
});

it('blocks a table after one timeout', () => {
  schedule.onFailure('a', true);
  expect(schedule.isBlocked('a')).toBe(true);
});

it('does not block other tables', () => {
  fail('a', 10);
  expect([schedule.canSend('b'), schedule.isBlocked('b')]).toEqual([true, false]);
});

it('sends all tables immediately after one of them was stored again', () => {
  fail('a', 10);
  fail('b', 10);
  schedule.onStored('c');
  expect(schedule.canSend('b')).toBe(false);
  schedule.onStored('a');
  expect([schedule.canSend('a'), schedule.canSend('b')]).toEqual([true, true]);
});

it('sends a busy table only after its request', () => {
  schedule.busy = 'a';
  expect([schedule.canSend('a'), schedule.isBlocked('a')]).toEqual([false, true]);
  schedule.busy = undefined;
  expect([schedule.canSend('a'), schedule.isBlocked('a')]).toEqual([true, false]);
});

it('returns the shortest wait', () => {
  expect(schedule.getShortestWaitMs(1000)).toBe(1000);
  fail('a', 10);
  schedule.onFailure('b', false);
  expect(schedule.getShortestWaitMs(1000)).toBe(schedule.getWaitMs('b'));
});
