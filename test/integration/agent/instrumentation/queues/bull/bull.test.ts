import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisServer } from '../../../../../../demo/database-servers.ts';
import { runWithTenant } from '../../../../../../src/agent/instrumentation/context/tenant-context.ts';
import { BULL } from '../../../../../../src/agent/instrumentation/queues/bull/bull.ts';
import { InstrumentedBullmq } from '../../../../../support/instrumented-bullmq.ts';
import { waitFor } from '../../../../../support/wait-for.ts';

const HOUR_MS = 3_600_000;
const redis = new RedisServer();
beforeAll(() => redis.start());
afterAll(() => redis.remove());

interface Job {
  id: string;
  name: string;
  data: unknown;
  opts: object;
  attemptsMade: number;
  discard(): void;
  progress(value: number): Promise<void>;
  promote(): Promise<void>;
  retry(): Promise<void>;
  remove(): Promise<void>;
  moveToCompleted(
    result: unknown,
    ignoreLock: boolean,
    notFetch?: boolean,
  ): Promise<[object, string]>;
  moveToFailed(error: { message: string }, ignoreLock?: boolean): Promise<unknown>;
}

interface Queue {
  add(name: string, data: object, opts?: object): Promise<Job>;
  addBulk(jobs: object[]): Promise<Job[]>;
  process(name: string, concurrency: number, handler: unknown): Promise<unknown>;
  getNextJob(): Promise<Job>;
  nextJobFromJobData(data: object, id: string): Promise<Job>;
  getJob(id: string): Promise<Job>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

describe.each([
  ['the oldest version', 'test/libraries/node_modules/bull', 'old'],
  ['the newest version', 'test/libraries/queues-2/node_modules/bull', 'new'],
])('with %s of Bull', (_, folder, prefix) => {
  const app = new InstrumentedBullmq(resolve(folder), BULL);
  const Bull = app.loaded as new (name: string, url: string, options: object) => Queue;
  const opened: Queue[] = [];
  afterAll(() => Promise.all(opened.map((each) => each.close())));
  const createQueue = (name: string, options = {}) => {
    const queue = new Bull(name, redis.url, { prefix, ...options });
    opened.push(queue);
    return queue;
  };
  const waitForEnd = (queue: string, count: number) =>
    waitFor(async () => {
      const ended = [...app.rows(queue, 'completed'), ...app.rows(queue, 'failed')];
      return ended.length >= count;
    }, 20_000);
  const getValue = async (gauge: string, name: string, state?: string) =>
    (await app.poll(gauge)).find((each) => each.queue === name && each.state === state)?.value;

  it.concurrent('records each way in which a processor can end', async () => {
    const queue = createQueue('ends');
    void queue.process('*', 4, (job: Job, done: (error?: Error) => void) => {
      if (job.name === 'callback') return done();
      if (job.name === 'discarded') job.discard();
      if (job.name === 'timeout') return;
      if (job.name === 'progress') return void job.progress(50).then(() => done());
      if (job.name === 'backoff' && job.attemptsMade === 1) return done();
      done(new Error('fails'));
    });
    await queue.add('callback', {});
    await queue.add('discarded', {}, { attempts: 3 });
    await queue.add('timeout', {}, { timeout: 20 });
    await queue.add('progress', {}, { removeOnComplete: true });
    await queue.add('backoff', {}, { attempts: 2, backoff: 10 });
    await queue.add('retried', {}, { attempts: 2 });
    await queue.add('later', {}, { delay: 20 });
    await waitForEnd('ends', 7);
    expect(app.histories('ends')).toEqual({
      callback: 'waiting active completed',
      discarded: 'waiting active failed!',
      timeout: 'waiting active failed!',
      progress: 'waiting active completed',
      backoff: 'waiting active delayed! active completed',
      retried: 'waiting active waiting! active failed!',
      later: 'delayed waiting active failed!',
    });
    expect(app.arrivals('ends')).toHaveLength(7);
    for (const { waitTime, jobType } of app.rows('ends', 'active'))
      if (jobType === 'later') expect(waitTime).toBeLessThan(5000);
  });

  it.concurrent('records jobs that the application processes itself', async () => {
    const queue = createQueue('by-hand');
    await queue.addBulk(['a', 'b', 'c'].map((name) => ({ name, data: {} })));
    const first = await queue.getNextJob();
    const next = await first.moveToCompleted('done', false);
    const second = await queue.nextJobFromJobData(...next);
    await second.moveToFailed({ message: 'fails' });
    expect(app.histories('by-hand')).toEqual({
      a: 'waiting active completed',
      b: 'waiting active failed!',
      c: 'waiting',
    });
    await (await queue.getJob(second.id)).retry();
    expect(await getValue('perfscope.queue.depth', 'by-hand', 'waiting')).toBe(2);
    void queue.process('*', 1, async () => {});
    await waitForEnd('by-hand', 4);
    expect(app.histories('by-hand').b).toBe('waiting active failed! active completed');
    expect(app.arrivals('by-hand')).toHaveLength(3);
  });

  it.concurrent('records a stalled job', async () => {
    const settings = { stalledInterval: 50, lockDuration: 50, lockRenewTime: 10_000 };
    const queue = createQueue('stalled', { settings });
    await queue.add('job', {}, { timestamp: Date.now() - HOUR_MS });
    await queue.getNextJob();
    await delay(100);
    void createQueue('stalled', { settings }).process('*', 1, async () => {});
    await waitForEnd('stalled', 1);
    // Old versions report the stalled job after its next start.
    const states = app.histories('stalled').job?.split(' ').sort();
    expect(states).toEqual(['active', 'active', 'completed', 'stalled', 'waiting']);
    const waits = app.rows('stalled', 'active').map(({ waitTime = 0 }) => waitTime > HOUR_MS / 2);
    expect(waits).toEqual([true, false]);
  });

  it.concurrent('passes the tenant of repeated jobs, and ignores duplicates', async () => {
    const queue = createQueue('tenants');
    const options: object[] = [];
    void queue.process('*', 1, async (job: Job) => void options.push(job.opts));
    const tenant = { organizationId: 'Grand "7"' };
    await runWithTenant(tenant, async () => {
      await queue.add('tick', {}, { repeat: { every: 40, limit: 2 } });
      await queue.add('once', {}, { jobId: 'same' });
    });
    await waitForEnd('tenants', 3);
    for (let i = 0; i < 3; i++) await queue.add('once', {}, { jobId: 'same' });
    await app.poll('perfscope.queue.depth');
    expect(app.arrivals('tenants')).toHaveLength(3);
    const organizations = app.rows('tenants', 'completed').map((row) => row.organizationId);
    expect(organizations).toEqual(Array(3).fill('Grand "7"'));
    for (const each of options) expect(each).not.toHaveProperty('perfscope');
  });

  it.concurrent('reads the depth, the oldest age by priority, and the workers', async () => {
    const queue = createQueue('depth');
    await queue.pause();
    const add = (ageMs: number, opts = {}) =>
      queue.add('job', {}, { timestamp: Date.now() - ageMs, ...opts });
    for (let i = 0; i < 30; i++) await add(1000, { priority: 1 });
    await add(60_000, { priority: 5 });
    for (let i = 0; i < 10; i++) await add(30_000 - i);
    await queue.add('delayed', {}, { delay: 60_000 });
    expect(await getValue('perfscope.queue.depth', 'depth', 'paused')).toBe(41);
    expect(await getValue('perfscope.queue.depth', 'depth', 'delayed')).toBe(1);
    const gauges = await app.poll('perfscope.queue.depth');
    const states = gauges.filter((each) => each.queue === 'depth').map(({ state }) => state);
    expect(states.sort()).toEqual(['active', 'delayed', 'failed', 'paused', 'waiting']);
    expect(Math.floor((await getValue('perfscope.queue.oldest.age', 'depth'))! / 30)).toBe(2);
    await queue.resume();
    void createQueue('depth').process('*', 1, async () => {});
    await waitForEnd('depth', 41);
    await waitFor(async () => (await getValue('perfscope.queue.workers', 'depth')) === 1);
    expect(await getValue('perfscope.queue.oldest.age', 'depth')).toBe(0);
  });
});
