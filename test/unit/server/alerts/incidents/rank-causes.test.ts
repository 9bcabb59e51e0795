import { expect, test } from 'vitest';
import { rankCauses } from '../../../../../src/server/alerts/incidents/causes/rank-causes.ts';
import type {
  SignalKind,
  SignalSeries,
} from '../../../../../src/server/alerts/incidents/causes/read-signals.ts';

const STEP_MS = 10_000;

/** Creates a series with one value for each bucket. Durations and shares have the weight 10. */
function toSeries(kind: SignalKind, subject: string, values: readonly number[]): SignalSeries {
  const isRate = ['arrivals', 'finished_jobs', 'requests', 'all_requests'].includes(kind);
  const points = values.map((value, i) =>
    isRate
      ? { fromMs: i * STEP_MS, total: value, weight: 1 / 6 }
      : { fromMs: i * STEP_MS, total: value * 10, weight: 10 },
  );
  return { kind, subject, service: 'booking', points };
}

/** Returns `kind subject` of each cause of an incident whose first alert started in a bucket. */
function rank(recent: readonly SignalSeries[], startBucket: number): string[] {
  const length = Math.max(...recent.map(({ points }) => points.length));
  return rankCauses({
    recent,
    range: { fromMs: 0, toMs: length * STEP_MS },
    startedMs: startBucket * STEP_MS,
    stepMs: STEP_MS,
    ...{ earlier: [], earlierRanges: [], earlierStepMs: 300_000 },
  }).map(({ kind, subject }) => `${kind} ${subject}`);
}

const ARRIVALS = toSeries(
  'arrivals',
  'mails',
  Array.from({ length: 20 }, () => 15),
);

test('a queue is stuck although its running jobs still ended after the others had stopped', () => {
  const stuck = [15, 15, 15, 15, 3, ...Array.from({ length: 15 }, () => 0)];
  expect(rank([ARRIVALS, toSeries('finished_jobs', 'mails', stuck)], 8)).toEqual([
    'stuck_queue mails',
  ]);
  const slow = [15, 15, 15, 15, 3, ...Array.from({ length: 15 }, () => 3)];
  expect(rank([ARRIVALS, toSeries('finished_jobs', 'mails', slow)], 8)).toEqual([]);
});

test('a change after the first alert is listed after the changes before it', () => {
  const step = (bucket: number, after: number) =>
    Array.from({ length: 20 }, (_, i) => (i < bucket ? 10 : after));
  const endpoint = toSeries('endpoint_time', 'GET /rooms', step(4, 100));
  const statement = (bucket: number) => toSeries('statement_time', 'SELECT', step(bucket, 900));
  expect(rank([endpoint, statement(4)], 6)).toEqual([
    'statement_time SELECT',
    'endpoint_time GET /rooms',
  ]);
  expect(rank([endpoint, statement(15)], 6)).toEqual([
    'endpoint_time GET /rooms',
    'statement_time SELECT',
  ]);
});

test('more requests of a tenant are a cause only if they grow more than all requests', () => {
  // The traffic of the morning rises quickly after the start of the service.
  const morning = [4, 10, 14, 24, ...Array.from({ length: 16 }, () => 43)];
  const all = toSeries(
    'all_requests',
    '',
    morning.map((count) => 4 * count),
  );
  expect(rank([all, toSeries('requests', 'grand/seaside', morning)], 6)).toEqual([]);
  // Of the first requests, few belonged to this tenant by chance.
  const lucky = [1, 1, 1, 24, ...morning.slice(4)];
  const start = toSeries('all_requests', '', [
    12,
    12,
    12,
    ...morning.slice(3).map((count) => 4 * count),
  ]);
  expect(rank([start, toSeries('requests', 'grand/seaside', lucky)], 6)).toEqual([]);
  const peak = morning.map((count, i) => (i < 4 ? count : 10 * count));
  expect(rank([all, toSeries('requests', 'grand/seaside', peak)], 6)).toEqual([
    'requests grand/seaside',
  ]);
});

test('jobs that arrive soon after the start of the service are a cause', () => {
  const usual = Array.from({ length: 20 }, () => 3);
  const backlog = usual.map((count, i) => (i === 2 ? 20_000 : count));
  expect(rank([toSeries('arrivals', 'invoices', backlog)], 4)).toEqual(['arrivals invoices']);
  // Few jobs before the change, and few more after it, are chance.
  const chance = usual.map((count, i) => (i === 1 ? 1 : count));
  expect(rank([toSeries('arrivals', 'invoices', chance)], 4)).toEqual([]);
});

test('if many endpoints are equally slower, one of them is a cause', () => {
  const slower = Array.from({ length: 20 }, (_, i) => (i < 4 ? 10 : 100));
  const endpoints = Array.from({ length: 10 }, (_, i) =>
    toSeries('endpoint_time', `GET /${i}`, slower),
  );
  expect(rank(endpoints, 6)).toEqual(['endpoint_time GET /0']);
});
