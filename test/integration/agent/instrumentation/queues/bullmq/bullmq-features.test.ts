import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisServer } from '../../../../../../demo/database-servers.ts';
import { InstrumentedBullmq } from '../../../../../support/instrumented-bullmq.ts';
import { waitFor } from '../../../../../support/wait-for.ts';

const redis = new RedisServer();
beforeAll(() => redis.start());
afterAll(() => redis.remove());

type Job = import('bullmq').Job;
type Process = (job: Job, token?: string) => Promise<unknown>;

describe.each([
  ['the oldest version', 0, 'test/libraries/node_modules/bullmq'],
  ['the newest version', 1, 'test/libraries/queues-2/node_modules/bullmq'],
])('with %s of BullMQ', (_, db, folder) => {
  const app = new InstrumentedBullmq(resolve(folder));
  const { DelayedError, FlowProducer, Queue, UnrecoverableError, Worker } = app.bullmq;
  const isNewest = db === 1;
  const opened: { close(): Promise<void> }[] = [];
  afterAll(() => Promise.all(opened.map((each) => each.close())));

  const getOptions = () => {
    const { hostname: host, port } = new URL(redis.url);
    return { connection: { host, port: Number(port), db, maxRetriesPerRequest: null } };
  };
  const open = <T extends { close(): Promise<void>; on(event: 'error', fn: () => void): unknown }>(
    each: T,
  ): T => {
    each.on('error', () => {});
    opened.unshift(each);
    return each;
  };
  const createQueue = (name: string) => open(new Queue(name, getOptions()));
  const startWorker = (name: string, process: Process | null, options = {}) =>
    open(new Worker(name, process as never, { ...getOptions(), ...options }));
  const waitForEnd = (queue: string, count: number) =>
    waitFor(async () => {
      const ended = [...app.rows(queue, 'completed'), ...app.rows(queue, 'failed')];
      return ended.length >= count;
    }, 60_000);
  const getDepths = async (name: string) => {
    const values = await app.poll('perfscope.queue.depth');
    const entries = values.filter(({ queue, value }) => queue === name && value > 0);
    return Object.fromEntries(entries.map(({ state, value }) => [state, value]));
  };

  it.concurrent('records each way in which a processor can end', async () => {
    const queue = createQueue('ends');
    const isFirst = new Set<string>();
    startWorker(
      'ends',
      async (job, token) => {
        const first = !isFirst.has(job.name);
        isFirst.add(job.name);
        if (job.name === 'unrecoverable') throw new UnrecoverableError('no');
        if (job.name === 'delayed' && first) {
          await job.moveToDelayed(Date.now() + 20, token);
          throw new DelayedError();
        }
        if (job.name === 'limited' && first) {
          await queue.rateLimit?.(20);
          throw Worker.RateLimitError();
        }
        if (job.name === 'backoff' && job.attemptsMade < 2) throw new Error('fails');
        if (job.name === 'custom') throw new Error('fails');
      },
      {
        // Old versions notice a delayed job only after this time, in s.
        drainDelay: 1,
        limiter: { max: 100, duration: 20 },
        settings: { backoffStrategy: (made: number) => (made > 1 ? -1 : 20) },
      },
    );
    await queue.add('unrecoverable', {}, { attempts: 5 });
    await queue.add('delayed', {});
    // BullMQ 5.0 can lose a rate-limited job until it stalls.
    if (isNewest) await queue.add('limited', {});
    await queue.add('backoff', {}, { attempts: 3, backoff: { type: 'exponential', delay: 10 } });
    await queue.add('custom', {}, { attempts: 5, backoff: { type: 'custom' } });
    await waitForEnd('ends', isNewest ? 5 : 4);
    expect(app.histories('ends')).toEqual({
      unrecoverable: 'waiting active failed!',
      delayed: 'waiting active delayed active completed',
      ...(isNewest && { limited: 'waiting active waiting active completed' }),
      backoff: 'waiting active delayed! active delayed! active completed',
      custom: 'waiting active delayed! active failed!',
    });
    expect(app.arrivals('ends')).toHaveLength(isNewest ? 5 : 4);
  });

  it.concurrent('records the jobs of flows in several queues', async () => {
    const flows = open(new FlowProducer(getOptions()));
    createQueue('parents');
    startWorker('parents', async () => {});
    startWorker('children', async ({ name }) => {
      if (name.startsWith('bad')) throw new Error('fails');
    });
    const child = (name: string, opts = {}) => ({ name, queueName: 'children', opts });
    const option = isNewest ? 'ignoreDependencyOnFailure' : 'removeDependencyOnFailure';
    await flows.addBulk([
      { name: 'parent', queueName: 'parents', children: [child('good'), child('second')] },
      {
        name: 'lenient',
        queueName: 'parents',
        children: [child('bad', { [option]: true }), child('third')],
      },
    ]);
    await waitForEnd('parents', 2);
    expect(app.histories('parents')).toEqual({
      parent: 'waiting-children waiting active completed',
      lenient: 'waiting-children waiting active completed',
    });
    expect(app.histories('children')).toEqual({
      good: 'waiting active completed',
      second: 'waiting active completed',
      bad: 'waiting active failed!',
      third: 'waiting active completed',
    });
  });

  it.concurrent('records a stalled job', async () => {
    const queue = createQueue('stalled');
    const worker = startWorker('stalled', null, { lockDuration: 50 });
    await queue.add('job', {});
    await worker.getNextJob('token');
    await delay(100);
    startWorker('stalled', async () => {}, { stalledInterval: 50, drainDelay: 1 });
    await waitForEnd('stalled', 1);
    expect(app.histories('stalled')).toEqual({ job: 'waiting active stalled active completed' });
  });

  it.concurrent('counts waiting jobs by priority, and paused jobs', async () => {
    const queue = createQueue('order');
    const first = await queue.add('first', {}, { priority: 5 });
    await queue.add('last', {}, { lifo: true });
    await first.changePriority({ priority: 1 });
    expect(await getDepths('order')).toEqual({ waiting: 1, prioritized: 1 });
    startWorker('order', async () => {});
    await waitForEnd('order', 2);
    expect(app.histories('order')).toEqual({
      first: 'prioritized active completed',
      last: 'waiting active completed',
    });
    await queue.pause();
    await queue.addBulk(['a', 'b'].map((name) => ({ name, data: {} })));
    expect(Object.values(await getDepths('order'))).toEqual([2]);
    await queue.resume();
    await waitForEnd('order', 4);
    await queue.obliterate({ force: true });
    expect(await getDepths('order')).toEqual({});
  });

  it.concurrent('records retried and promoted jobs', async () => {
    const queue = createQueue('again');
    let fails = true;
    startWorker(
      'again',
      async () => {
        if (fails) throw new Error('fails');
      },
      { drainDelay: 1 },
    );
    await queue.addBulk(['a', 'b'].map((name) => ({ name, data: {} })));
    await waitForEnd('again', 2);
    fails = false;
    await queue.retryJobs();
    await queue.add('promoted', {}, { delay: 60_000 });
    await queue.promoteJobs();
    await waitForEnd('again', 5);
    expect(app.histories('again')).toEqual({
      a: 'waiting active failed! active completed',
      b: 'waiting active failed! active completed',
      promoted: 'delayed waiting active completed',
    });
    expect(app.arrivals('again')).toHaveLength(3);
  });

  describe.runIf(isNewest)('of new versions', () => {
    it.concurrent('records each job of a scheduler', async () => {
      const queue = createQueue('scheduled');
      await queue.upsertJobScheduler('later', { every: 60_000, startDate: Date.now() + 60_000 });
      await queue.upsertJobScheduler('later', { every: 90_000, startDate: Date.now() + 60_000 });
      await app.poll('perfscope.queue.depth');
      expect(app.rows('scheduled', 'delayed')).toHaveLength(1);
      await queue.removeJobScheduler('later');
      startWorker('scheduled', async () => {});
      await queue.upsertJobScheduler('often', { every: 2000, limit: 2 }, { name: 'tick' });
      await waitFor(async () => {
        await app.poll('perfscope.queue.depth');
        return app.rows('scheduled', 'delayed').length > 1;
      });
      const [, next] = app.rows('scheduled', 'delayed');
      expect(next!.delay).toBeGreaterThan(0);
      await waitForEnd('scheduled', 2);
      expect(app.arrivals('scheduled')).toHaveLength(2);
      expect(app.rows('scheduled', 'active')).toHaveLength(2);
    });

    it.concurrent('records only jobs that are not deduplicated', async () => {
      const queue = createQueue('deduplicated');
      const add = (name: string, deduplication: object, opts = {}) =>
        queue.add(name, {}, { deduplication: deduplication as { id: string }, ...opts });
      for (let i = 0; i < 3; i++) await add('simple', { id: 'simple' });
      for (let i = 0; i < 3; i++) await add('throttled', { id: 'throttled', ttl: 60_000 });
      const debounce = { id: 'debounced', ttl: 100, extend: true, replace: true };
      for (let i = 0; i < 3; i++) await add('debounced', debounce, { delay: 100 });
      await app.poll('perfscope.queue.depth');
      startWorker('deduplicated', async () => delay(30));
      await waitForEnd('deduplicated', 3);
      for (let i = 0; i < 3; i++) await add('last', { id: 'last', keepLastIfActive: true });
      await waitForEnd('deduplicated', 4);
      expect(app.rows('deduplicated', 'active').length).toBeLessThanOrEqual(5);
      const { last, ...others } = app.histories('deduplicated');
      expect(last).toMatch(/^waiting active/);
      expect(others).toEqual({
        simple: 'waiting active completed',
        throttled: 'waiting active completed',
        debounced: 'delayed waiting active completed',
      });
    });

    it.concurrent('records a parent whose child fails it, and a job that waits for its own children', async () => {
      const { WaitingChildrenError } = app.bullmq;
      const queue = createQueue('steps');
      const flows = open(new FlowProducer(getOptions()));
      startWorker(
        'steps',
        async (job, token) => {
          if (job.name === 'bad') throw new Error('fails');
          if (job.name !== 'step' || (job.data as { step?: number }).step) return;
          const parent = { id: job.id!, queue: job.queueQualifiedName };
          // Without a delay, it could end before its parent waits for it.
          await queue.add('inner', {}, { parent, delay: 1000 });
          await job.updateData({ step: 2 });
          if (await job.moveToWaitingChildren(token!)) throw new WaitingChildrenError();
        },
        { concurrency: 2 },
      );
      await queue.add('step', {});
      await flows.add({
        name: 'failed parent',
        queueName: 'steps',
        children: [{ name: 'bad', queueName: 'steps', opts: { failParentOnFailure: true } }],
      });
      await waitForEnd('steps', 4);
      expect(app.histories('steps')).toEqual({
        step: 'waiting active waiting-children active completed',
        inner: 'delayed waiting active completed',
        bad: 'waiting active failed!',
        'failed parent': 'waiting-children waiting active failed!',
      });
    });
  });
});
