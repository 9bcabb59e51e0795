import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisServer } from '../../../../../../demo/database-servers.ts';
import { runWithTenant } from '../../../../../../src/agent/instrumentation/context/tenant-context.ts';
import { BEE_QUEUE } from '../../../../../../src/agent/instrumentation/queues/bee-queue/bee-queue.ts';
import { InstrumentedBullmq } from '../../../../../support/instrumented-bullmq.ts';
import { waitFor } from '../../../../../support/wait-for.ts';

const redis = new RedisServer();
beforeAll(() => redis.start());
afterAll(() => redis.remove());

interface Job {
  id: string;
  data: { kind: string };
  options: object;
  setId(id: string): Job;
  retries(count: number): Job;
  backoff(strategy: string, delayMs: number): Job;
  delayUntil(ms: number): Job;
  timeout(ms: number): Job;
  save(): Promise<Job>;
}

interface Queue {
  createJob(data: object): Job;
  saveAll(jobs: Job[]): Promise<unknown>;
  ready(): Promise<unknown>;
  process(concurrency: number, handler: unknown): void;
  close(): Promise<void>;
  on(event: string, listener: () => void): void;
}

describe.each([
  ['the oldest version', 'test/libraries/node_modules/bee-queue', 'old'],
  ['the newest version', 'test/libraries/queues-2/node_modules/bee-queue', 'new'],
])('with %s of bee-queue', (_, folder, prefix) => {
  const app = new InstrumentedBullmq(resolve(folder), BEE_QUEUE);
  const BeeQueue = app.loaded as new (name: string, options: object) => Queue;
  const opened: Queue[] = [];
  afterAll(() => Promise.all(opened.map((each) => each.close())));
  const createQueue = async (name: string, options = {}) => {
    const base = { prefix, redis: redis.url, activateDelayedJobs: true, nearTermWindow: 50 };
    const queue = new BeeQueue(name, { ...base, ...options });
    queue.on('error', () => {});
    await queue.ready();
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
    const queue = await createQueue('ends');
    const attempts = new Map<string, number>();
    queue.process(4, async ({ data: { kind }, options }: Job) => {
      expect(options).not.toHaveProperty('perfscope');
      const attempt = (attempts.get(kind) ?? 0) + 1;
      attempts.set(kind, attempt);
      if (kind === 'timeout') await new Promise(() => {});
      if (kind === 'retried' && attempt === 3) return;
      if (kind !== 'complete' && kind !== 'later') throw new Error('fails');
    });
    const create = (kind: string) => queue.createJob({ kind }).setId(kind);
    await runWithTenant({ organizationId: 'Grand "7"' }, async () => {
      await create('complete').save();
      await create('fail').save();
      await create('timeout').timeout(20).save();
      await create('retried').retries(2).save();
      await create('backoff').retries(1).backoff('fixed', 20).save();
      await queue.saveAll([create('later').delayUntil(Date.now() + 50), create('complete')]);
    });
    await waitForEnd('ends', 6);
    expect(app.histories('ends')).toEqual({
      complete: 'waiting active completed',
      fail: 'waiting active failed!',
      timeout: 'waiting active failed!',
      retried: 'waiting active waiting! active waiting! active completed',
      backoff: 'waiting active delayed! active failed!',
      later: 'delayed waiting active completed',
    });
    expect(app.arrivals('ends')).toHaveLength(6);
    for (const { organizationId } of app.transitions.filter((row) => row.queueName === 'ends'))
      expect(organizationId).toBe('Grand "7"');
  });

  it.concurrent('reads the depth and the oldest age', async () => {
    const queue = await createQueue('depth');
    const old = queue.createJob({});
    Object.assign(old.options, { timestamp: Date.now() - 60_000 });
    await old.save();
    await queue.createJob({}).save();
    await queue
      .createJob({})
      .delayUntil(Date.now() + 60_000)
      .save();
    expect(await getValue('perfscope.queue.depth', 'depth', 'waiting')).toBe(2);
    expect(await getValue('perfscope.queue.depth', 'depth', 'delayed')).toBe(1);
    expect(Math.floor((await getValue('perfscope.queue.oldest.age', 'depth'))! / 60)).toBe(1);
    queue.process(1, async () => {});
    await waitForEnd('depth', 2);
    expect(await getValue('perfscope.queue.oldest.age', 'depth')).toBe(0);
    const [{ scope } = { scope: '' }] = (await app.poll('perfscope.queue.depth')).filter(
      (each) => each.queue === 'depth',
    );
    expect(scope).toBe(`${prefix}@${new URL(redis.url).host}/0`);
  });
});
