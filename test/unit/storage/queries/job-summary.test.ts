import { expect, it } from 'vitest';
import type { QueueMetricRow } from '../../../../src/core/schema/tables/queue-metrics-table.ts';
import {
  STATUS_ORDER,
  sortJobRows,
  summarizeJob,
} from '../../../../src/storage/queries/job-summary.ts';

const job = {
  queueName: 'mail',
  queueScope: 'prod',
  jobId: '17',
  jobType: 'send',
  createdAt: 1000,
  attempts: 0,
  maxAttempts: 3,
  organizationId: 'grand',
};

const summarize = (...rows: Partial<QueueMetricRow>[]) =>
  summarizeJob(sortJobRows(rows.map((row) => ({ ...job, timestamp: 1000, ...row }))));

const WAITING = { status: 'waiting' };
const ACTIVE = { status: 'active', timestamp: 1500, startedAt: 1500, waitTime: 500 };
const COMPLETED = {
  status: 'completed',
  timestamp: 1800,
  startedAt: 1500,
  completedAt: 1800,
  waitTime: 500,
  duration: 300,
  attempts: 1,
};

it('combines the values of all state changes', () => {
  expect(summarize(COMPLETED, WAITING, ACTIVE)).toEqual({
    queue: 'mail',
    scope: 'prod',
    jobId: '17',
    jobType: 'send',
    status: 'completed',
    changedMs: 1800,
    createdMs: 1000,
    startedMs: 1500,
    finishedMs: 1800,
    waitTime: 500,
    duration: 300,
    attempts: 1,
    maxAttempts: 3,
    errorMessage: undefined,
    organizationId: 'grand',
    propertyId: undefined,
  });
});

it('orders state changes of the same millisecond as a job goes through them', () => {
  const rows = STATUS_ORDER.toReversed().map((status) => ({ timestamp: 5, status }));
  expect(sortJobRows(rows).map(({ status }) => status)).toEqual(STATUS_ORDER);
});

it.each([
  {
    name: 'a job that waits for its next attempt has the error of the last attempt',
    rows: [
      WAITING,
      ACTIVE,
      { status: 'waiting', timestamp: 1801, duration: 300, errorMessage: 'no room', attempts: 1 },
    ],
    expected: { status: 'waiting', errorMessage: 'no room', duration: 300, finishedMs: undefined },
  },
  {
    name: 'a running attempt has no duration yet',
    rows: [
      { status: 'waiting', timestamp: 1801, duration: 300, errorMessage: 'no room', attempts: 1 },
      { ...ACTIVE, timestamp: 2000, startedAt: 2000, waitTime: 200 },
    ],
    expected: { status: 'active', duration: undefined, waitTime: 200, startedMs: 2000 },
  },
  {
    name: 'a job that completed has no error, even if an earlier attempt failed',
    rows: [{ status: 'delayed', timestamp: 1200, errorMessage: 'no room' }, ACTIVE, COMPLETED],
    expected: { status: 'completed', errorMessage: undefined },
  },
  {
    name: 'a failed job has the time of its failure',
    rows: [ACTIVE, { status: 'failed', timestamp: 1900, failedAt: 1899, errorMessage: 'gone' }],
    expected: { status: 'failed', finishedMs: 1899, errorMessage: 'gone' },
  },
  {
    name: 'the default values of a stalled job are ignored',
    rows: [
      ACTIVE,
      {
        status: 'stalled',
        timestamp: 9000,
        jobType: undefined,
        createdAt: 9000,
        attempts: 1,
        maxAttempts: 9,
      },
    ],
    expected: { status: 'stalled', jobType: 'send', createdMs: 1000, attempts: 0, maxAttempts: 3 },
  },
])('$name', ({ rows, expected }) => {
  expect(summarize(...rows)).toMatchObject(expected);
});
