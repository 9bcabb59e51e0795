import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QueueMetricRow } from '../../../../src/core/schema/tables/queue-metrics-table.ts';
import { listRetries } from '../../../../src/server/suggestions/facts/read-jobs.ts';
import { toQueueFact } from '../../../../src/server/suggestions/facts/read-queues.ts';
import { chooseIntervalMs } from '../../../../src/server/suggestions/facts/read-tenants.ts';
import type { QueuePoint } from '../../../../src/storage/queries/queue-stats.ts';

const MINUTE_MS = 60_000;
const RANGE = { fromMs: 0, toMs: 10 * MINUTE_MS };

function createPoint(minute: number, rest: Partial<QueuePoint>): QueuePoint {
  return {
    bucket: { fromMs: minute * MINUTE_MS, toMs: (minute + 1) * MINUTE_MS },
    ...{ arrived: 0, completed: 0, failed: 0, stalled: 0, depth: undefined },
    ...{ averageProcessing: undefined, averageWork: undefined, averageWait: undefined },
    ...rest,
  };
}

describe('toQueueFact', () => {
  it('adds up the minutes with jobs', () => {
    const points = [
      createPoint(4, { arrived: 60, completed: 30, averageWork: 100, averageWait: 10, depth: 5 }),
      createPoint(5, { arrived: 180, completed: 80, failed: 10, averageWork: 200, depth: 95 }),
    ];
    expect(toQueueFact(points, MINUTE_MS, { range: RANGE })).toEqual({
      ended: 120,
      arrivalRate: 2,
      peakArrivalRate: 3,
      workMs: 175,
      waitMs: 10,
      depth: 95,
      maxDepth: 95,
      firstMs: 4 * MINUTE_MS,
      lastMs: 6 * MINUTE_MS,
    });
  });

  it('accepts a queue without jobs, and gaps', () => {
    const empty = toQueueFact([], MINUTE_MS, { range: RANGE });
    expect(empty).toMatchObject({ ended: 0, arrivalRate: 0, workMs: undefined, depth: 0 });
    const count = fc.nat(1e6);
    const point = fc.record({ arrived: count, completed: count, failed: count });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), point)), (minutes) => {
        const points = minutes.map(([minute, rest]) => createPoint(minute, rest));
        const fact = toQueueFact(points, MINUTE_MS, { range: RANGE });
        for (const value of [fact.arrivalRate, fact.peakArrivalRate, fact.ended]) {
          expect(value).toSatisfy(Number.isFinite);
        }
      }),
    );
  });
});

describe('listRetries', () => {
  const job = { queueName: 'mails', queueScope: 'bull', jobType: 'confirm', jobId: '7' };
  const row = (timestamp: number, rest: Partial<QueueMetricRow>) =>
    ({ ...job, timestamp, test: false, ...rest }) as QueueMetricRow;

  it('returns the time from each failure to the next start', () => {
    const failed = { status: 'waiting', errorMessage: 'not found' } as const;
    const retries = listRetries([
      row(0, { status: 'waiting' }),
      row(100, { ...failed, attempts: 1, startedAt: 90 }),
      row(105, { status: 'active', attempts: 1, startedAt: 103 }),
      row(200, { ...failed, status: 'delayed', attempts: 2, startedAt: 103 }),
      row(1400, { status: 'completed', attempts: 3, startedAt: 1200 }),
    ]);
    expect(retries).toEqual([
      {
        ...{ queue: 'mails', scope: 'bull', jobType: 'confirm', error: 'not found' },
        ...{ gapMs: 3, isFirst: true },
      },
      {
        ...{ queue: 'mails', scope: 'bull', jobType: 'confirm', error: 'not found' },
        ...{ gapMs: 1000, isFirst: false },
      },
    ]);
  });

  it('ignores failures without a later attempt', () => {
    const failed = { errorMessage: 'not found', startedAt: 90 };
    expect(listRetries([row(100, { ...failed, status: 'waiting' })])).toEqual([]);
    expect(listRetries([row(100, { ...failed, status: 'failed' })])).toEqual([]);
  });
});

it('compares tenants in 6 to 73 intervals that the roll-ups can provide', () => {
  for (const minutes of [10, 60, 61, 720, 721, 4320, 4321, 10_080]) {
    const ms = chooseIntervalMs({ fromMs: 0, toMs: minutes * MINUTE_MS });
    const intervals = (minutes * MINUTE_MS) / ms;
    expect(intervals, `${minutes} minutes`).toBeGreaterThanOrEqual(6);
    expect(intervals, `${minutes} minutes`).toBeLessThanOrEqual(73);
  }
});
