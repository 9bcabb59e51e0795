import '../../support/browser-stub.ts';
import { describe, expect, it } from 'vitest';
import type { ApiResponse } from '../../../src/client/api-types.ts';
import {
  isGrowing,
  type QueueRow,
  sortQueues,
  toReadableRate,
  toWaitingSparkline,
} from '../../../src/web/data/queue-data.ts';

type Queues = ApiResponse<'queues'>;

const minute = (count: number) => `2026-11-29T10:0${count}:00.000Z`;
const createQueue = (queue: string, values: Partial<QueueRow> = {}) =>
  ({ queue, arrivalRate: 1, completionRate: 1, depth: 0, ...values }) as QueueRow;

/** @param depths number of waiting jobs by queue and minute */
function createQueues(depths: readonly (readonly (number | undefined)[])[]): Queues {
  const series = depths.map((values) => ({
    points: values.flatMap((depth, index) => [{ at: minute(index), depth }]),
  }));
  return { from: minute(0), to: minute(4), step: '1m', queues: [], series } as unknown as Queues;
}

describe('toWaitingSparkline', () => {
  it('adds up all queues, with gaps where no queue has a value', () => {
    const queues = createQueues([
      [1, 2, undefined, 4],
      [10, undefined, undefined, 40],
    ]);
    expect(toWaitingSparkline(queues)).toEqual([11, 2, null, 44]);
  });

  it('is empty without values', () => {
    expect(toWaitingSparkline(undefined)).toEqual([]);
    expect(toWaitingSparkline(createQueues([[undefined]]))).toEqual([]);
    const { series: _series, ...queues } = createQueues([]);
    expect(toWaitingSparkline(queues)).toEqual([]);
  });
});

it('lists growing queues first, and then queues with the oldest and the most jobs', () => {
  const queues = [
    createQueue('failing', { failureRate: 5 }),
    createQueue('idle'),
    createQueue('deep', { depth: 9 }),
    createQueue('old', { oldestAge: 60_000, depth: 1 }),
    createQueue('growing', { depth: 1, arrivalRate: 2 }),
  ];
  expect(sortQueues(queues).map(({ queue }) => queue)).toEqual([
    'growing',
    'old',
    'deep',
    'failing',
    'idle',
  ]);
  expect(queues[0]!.queue).toBe('failing');
});

it.each([
  [{ depth: 5, arrivalRate: 10, completionRate: 9 }, true],
  [{ depth: 5, arrivalRate: 10, completionRate: 9.6 }, false],
  [{ depth: 0, arrivalRate: 10, completionRate: 9 }, false],
  [{ depth: 5, arrivalRate: 0, completionRate: 0 }, false],
])('a queue with %j is growing: %s', (values, expected) => {
  expect(isGrowing(createQueue('a', values))).toBe(expected);
});

it.each([
  [0, 0, '/s'],
  [0.1, 0.1, '/s'],
  [0.05, 3, '/min'],
  [0.001, 3.6, '/h'],
])('shows %s per second as %s%s', (perSecond, value, unit) => {
  const rate = toReadableRate(perSecond);
  expect(rate.value).toBeCloseTo(value, 9);
  expect(rate.unit).toBe(unit);
});
