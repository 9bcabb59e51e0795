import { type BatchObservableCallback, createNoopMeter } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import {
  getCurrentTenant,
  runWithTenant,
} from '../../../../../../src/agent/instrumentation/context/tenant-context.ts';
import {
  type BullmqQueue,
  createBullDepth,
} from '../../../../../../src/agent/instrumentation/queues/bullmq/bullmq-depth.ts';
import {
  computeOldestMs,
  parseQueueReading,
  resolveReadyTimes,
} from '../../../../../../src/agent/instrumentation/queues/bullmq/bullmq-depth-script.ts';
import type { BullmqJob } from '../../../../../../src/agent/instrumentation/queues/bullmq/bullmq-job-transition.ts';
import {
  selectAccepted,
  UnconfirmedJobs,
} from '../../../../../../src/agent/instrumentation/queues/bullmq/unconfirmed-jobs.ts';
import {
  JobReadyTimes,
  RecordedArrivals,
} from '../../../../../../src/agent/instrumentation/queues/job-ready-times.ts';
import { QueueGauges } from '../../../../../../src/agent/instrumentation/queues/queue-gauges.ts';
import { countWorkers } from '../../../../../../src/agent/instrumentation/queues/redis-queue-reader.ts';
import { toQueueKey } from '../../../../../../src/agent/instrumentation/queues/redis-queue-scope.ts';

const NOW = 1_000_000;

describe('the time at which an attempt was ready', () => {
  const job = (fields: Partial<BullmqJob>): BullmqJob => ({
    name: 'a',
    queue: { name: 'mail' },
    timestamp: NOW - 5000,
    attemptsMade: 0,
    attemptsStarted: 1,
    ...fields,
  });
  const take = (fields: Partial<BullmqJob>, startedMs = NOW, times = new JobReadyTimes()) =>
    times.take('key', job(fields), startedMs);

  it('is the creation time or the end of the delay for the first attempt', () => {
    expect(take({})).toBe(NOW - 5000);
    expect(take({ opts: { delay: 2000 } })).toBe(NOW - 3000);
  });

  it('is unknown if another process moved the job', () => {
    expect(take({ attemptsMade: 1, attemptsStarted: 2 })).toBeUndefined();
    expect(take({ attemptsStarted: 2 })).toBeUndefined();
    expect(take({ stalledCounter: 1 })).toBeUndefined();
    // A retry can reset the number of attempts.
    expect(take({ stacktrace: ['Error'] })).toBeUndefined();
    // Promoted before the end of its delay.
    expect(take({ opts: { delay: 60_000 } })).toBeUndefined();
  });

  it('is known if this process moved the job, and only for the next attempt', () => {
    const times = new JobReadyTimes();
    times.set('key', NOW - 100, 2);
    expect(take({ attemptsMade: 1, attemptsStarted: 2 }, NOW, times)).toBe(NOW - 100);
    expect(take({ attemptsMade: 1, attemptsStarted: 2 }, NOW, times)).toBeUndefined();
    // Another process ran the second attempt.
    times.set('key', NOW - 100, 2);
    expect(take({ attemptsMade: 2, attemptsStarted: 3 }, NOW, times)).toBeUndefined();
  });

  it('is remembered for a limited number of jobs', () => {
    const times = new JobReadyTimes();
    const arrivals = new RecordedArrivals();
    for (let i = 0; i < 10_001; i++) {
      times.set(`${i}`, NOW, undefined);
      arrivals.add(`${i}`);
    }
    const retried = job({ attemptsMade: 1 });
    expect(times.take('0', retried, NOW)).toBeUndefined();
    expect(times.take('10000', retried, NOW)).toBe(NOW);
    expect([arrivals.add('0'), arrivals.add('10000')]).toEqual([true, false]);
  });
});

describe('a job that Redis possibly ignored', () => {
  const row = (jobId: string, timestamp: number) =>
    ({ queueName: 'mail', jobId, status: 'waiting', timestamp }) as const;

  it('is accepted if its creation time is stored, once per stored job', () => {
    const jobs = new UnconfirmedJobs();
    for (const timestamp of [1, 2, 2, 3]) jobs.add('mail', row('a', timestamp));
    jobs.add('mail', row('b', 4));
    jobs.add('other', row('c', 5));
    const rows = jobs.take('mail');
    expect([...rows.keys()]).toEqual(['a', 'b']);
    expect(selectAccepted(rows, [2, Number.NaN])).toEqual([row('a', 2)]);
    expect(jobs.take('mail').size).toBe(0);
    jobs.restore('mail', rows);
    expect(jobs.take('mail')).toEqual(rows);
  });

  it('is remembered for a limited number of queues, jobs, and calls', () => {
    const jobs = new UnconfirmedJobs();
    for (let i = 0; i < 600; i++) jobs.add('mail', row(`${i}`, i));
    for (let i = 0; i < 30; i++) jobs.add('mail', row('0', i));
    for (let i = 0; i < 200; i++) jobs.add(`${i}`, row('a', i));
    const rows = jobs.take('mail');
    expect([rows.size, rows.get('0')?.length]).toEqual([500, 20]);
    expect(rows.get('0')?.at(-1)).toEqual(row('0', 29));
    expect([jobs.take('98').size, jobs.take('199').size]).toEqual([1, 0]);
  });
});

describe('the oldest waiting job', () => {
  const parse = (oldest: string, scanned: string, others: string[]) =>
    parseQueueReading([1, 2, 3, 4, 5, 6, 7, oldest, scanned, others, []]);

  it('became ready at its creation, or at the time of its event', () => {
    const reading = parse('500', '100', ['a:1', '400', '', 'b:0', '', '700']);
    expect(reading.counts.get('waiting')).toBe(1);
    const times = resolveReadyTimes(reading, new Map(), NOW);
    expect([...times]).toEqual([
      ['a:1', 400],
      ['b:0', 100],
    ]);
    expect(computeOldestMs(reading, times)).toBe(100);
  });

  it('keeps the time of the previous poll', () => {
    const reading = parse('', '900', ['a:1', '', '']);
    expect([...resolveReadyTimes(reading, new Map([['a:1', 300]]), NOW).values()]).toEqual([300]);
    // After another attempt, the job is ready since another time.
    expect([...resolveReadyTimes(reading, new Map([['a:0', 300]]), NOW).values()]).toEqual([900]);
    expect(computeOldestMs(parse('', '', []), new Map())).toBeUndefined();
  });
});

it('counts the connected workers of the queue and its database', () => {
  const clients = ['name=bull:a db=0', 'name=bull:a:w:one db=0', 'name=bull:a db=1', 'name=x db=0'];
  expect(countWorkers(clients.join('\n'), 'bull:a')).toBe(2);
  expect(countWorkers(clients.join('\n'), 'bull:a', 1)).toBe(1);
  expect(countWorkers('name=bull:a', 'bull:a', 1)).toBe(1);
});

it('reports an accepted job without the tenant of the request that started the poll', async () => {
  const unconfirmedJobs = new UnconfirmedJobs();
  const reading = [0, 0, 0, 0, 0, 0, 0, '', '', [], ['5']];
  const pipeline = { eval() {}, client() {}, exec: async () => [[null, reading]] };
  const queue = {
    name: 'mail',
    add() {},
    toKey: () => 'bull:mail:',
    clientName: () => 'bull:mail',
    client: Promise.resolve({ status: 'ready', pipeline: () => pipeline }),
  };
  const meter = createNoopMeter();
  let poll: BatchObservableCallback = () => {};
  meter.addBatchObservableCallback = (callback) => {
    poll = callback;
  };
  const tenants: unknown[] = [];
  const depth = createBullDepth<BullmqQueue>({
    system: 'bullmq',
    getClient: ({ client }) => client,
    unconfirmedJobs,
    onAccepted: () => tenants.push(getCurrentTenant()),
  });
  const gauges = new QueueGauges({ meter, onReachabilityChange: () => {} });
  gauges.add(depth, toQueueKey(queue), 'mail', queue as never);
  const row = { queueName: 'mail', jobId: 'a', status: 'waiting', timestamp: 5 } as const;
  unconfirmedJobs.add(toQueueKey(queue), row);
  await runWithTenant({ organizationId: 'other' }, async () => poll({ observe() {} }));
  expect(tenants).toEqual([undefined]);
});
