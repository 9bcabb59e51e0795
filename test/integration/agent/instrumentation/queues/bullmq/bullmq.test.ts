import { resolve } from 'node:path';
import { setImmediate as nextIteration } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisServer } from '../../../../../../demo/database-servers.ts';
import { setBlockListener } from '../../../../../../src/agent/instrumentation/context/event-loop-blocks.ts';
import { InstrumentedBullmq } from '../../../../../support/instrumented-bullmq.ts';
import { waitFor } from '../../../../../support/wait-for.ts';

const HOUR_MS = 3_600_000;
const redis = new RedisServer();
let connection: { host: string; port: number; maxRetriesPerRequest: null };

beforeAll(async () => {
  await redis.start();
  const { hostname: host, port } = new URL(redis.url);
  connection = { host, port: Number(port), maxRetriesPerRequest: null };
});
afterAll(() => redis.remove());

// Production applications still use version 5.
describe.each([
  [6, resolve('node_modules/bullmq')],
  [5, resolve('node_modules/bullmq-5')],
])('with BullMQ %i', (version, folder) => {
  const app = new InstrumentedBullmq(folder);
  const { FlowProducer, Queue, Worker } = app.bullmq;
  const opened: { close(): Promise<void> }[] = [];
  /** The versions use the same names in different databases. */
  const getConnection = () => ({ ...connection, db: version });
  afterAll(async () => {
    await Promise.all(opened.map((each) => each.close()));
  });

  function createQueue(name: string, prefix = 'bull') {
    const queue = new Queue(name, { connection: getConnection(), prefix });
    opened.push(queue);
    return queue;
  }

  type Processor = (job: { name: string; attemptsStarted: number }) => Promise<unknown>;

  function startWorker(name: string, processor: Processor | null = async () => {}, options = {}) {
    const worker = new Worker(name, processor as never, {
      connection: getConnection(),
      ...options,
    });
    worker.on('error', () => {});
    opened.push(worker);
    return worker;
  }

  const waitForCompleted = (queue: string, count: number) =>
    waitFor(async () => app.rows(queue, 'completed').length >= count);
  const getOldestAge = async (queue: string) =>
    (await app.poll('perfscope.queue.oldest.age')).find((each) => each.queue === queue)?.value;

  it('attributes a blocked event loop to the job whose code blocked it', async () => {
    const blocks: (string | undefined)[] = [];
    setBlockListener(({ route }) => void blocks.push(route));
    const queue = createQueue('blocking');
    const process = async ({ name }: { name: string }) => {
      const endMs = performance.now() + (name === 'busy' ? 80 : 0);
      while (performance.now() < endMs);
      await nextIteration();
    };
    startWorker('blocking', process, { concurrency: 5 });
    // A block is omitted if other processes have the CPU, so there can be several attempts.
    await waitFor(async () => {
      await queue.addBulk(['idle', 'busy', 'idle', 'idle'].map((name) => ({ name, data: {} })));
      return blocks.includes('blocking:busy');
    });
    setBlockListener(undefined);
    expect(new Set(blocks)).toEqual(new Set(['blocking:busy']));
  });

  describe('an arrival', () => {
    it('is a job that Redis accepted, not an ignored duplicate', async () => {
      const queue = createQueue('duplicates');
      const add = (opts: object) => queue.add('a', {}, opts);
      await add({});
      for (let i = 0; i < 5; i++) await add({ jobId: 'one' });
      for (let i = 0; i < 5; i++) await add({ deduplication: { id: 'two' } });
      await app.poll('perfscope.queue.depth');
      expect(app.arrivals('duplicates')).toHaveLength(3);
      for (let i = 0; i < 5; i++) await add({ jobId: 'one' });
      await app.poll('perfscope.queue.depth');
      startWorker('duplicates');
      await waitForCompleted('duplicates', 3);
      expect(app.arrivals('duplicates')).toHaveLength(3);
    });

    it('is each iteration of a scheduler', async () => {
      const queue = createQueue('scheduled');
      startWorker('scheduled');
      await queue.upsertJobScheduler('s', { every: 20, limit: 3 }, { name: 'tick' });
      await waitForCompleted('scheduled', 3);
      expect(app.arrivals('scheduled')).toHaveLength(app.rows('scheduled', 'completed').length);
    });

    it('is a delayed job once it is ready, a promoted job, and a parent of a flow', async () => {
      const queue = createQueue('later');
      const job = await queue.add('promoted', {}, { delay: HOUR_MS });
      await queue.add('delayed', {}, { delay: 20 });
      expect(app.arrivals('later')).toEqual([]);
      await job.promote();
      const flows = new FlowProducer({ connection: getConnection() });
      opened.push(flows);
      await flows.add({
        name: 'parent',
        queueName: 'later',
        children: [{ name: 'child', queueName: 'later' }],
      });
      startWorker('later');
      await waitForCompleted('later', 4);
      const names = app.arrivals('later').map(({ jobType }) => jobType);
      expect(names.sort()).toEqual(['child', 'delayed', 'parent', 'promoted']);
      const scopes = new Set(app.arrivals('later').map(({ queueScope }) => queueScope));
      expect([...scopes]).toEqual([`bull@127.0.0.1:${connection.port}/${version}`]);
      for (const { waitTime } of app.rows('later', 'active'))
        expect(waitTime).toBeLessThan(HOUR_MS / 2);
    });

    it('is counted once if the application fails to promote the waiting job', async () => {
      const queue = createQueue('not-moved');
      const job = await queue.add('a', {}, { timestamp: Date.now() - HOUR_MS });
      await expect(job.promote()).rejects.toThrow();
      await expect(job.changeDelay(HOUR_MS)).rejects.toThrow();
      startWorker('not-moved');
      await waitForCompleted('not-moved', 1);
      expect(app.arrivals('not-moved')).toHaveLength(1);
    });

    it('is not a retry', async () => {
      const queue = createQueue('failing');
      startWorker('failing', async ({ attemptsStarted }) => {
        if (attemptsStarted < 3) throw new Error('fails');
      });
      await queue.add('a', {}, { attempts: 3 });
      await waitForCompleted('failing', 1);
      expect(app.rows('failing', 'waiting')).toHaveLength(3);
      expect(app.arrivals('failing')).toHaveLength(1);
    });
  });

  describe('a job that the application processes itself', () => {
    it('starts and ends once', async () => {
      const queue = createQueue('by-hand');
      const worker = startWorker('by-hand', null);
      await queue.addBulk(['a', 'b', 'c'].map((name) => ({ name, data: {} })));
      const first = await worker.getNextJob('token');
      await first!.moveToCompleted('done', 'token', false);
      const second = await worker.getNextJob('token');
      const next = await second!.moveToFailed(new Error('fails'), 'token', true);
      const [data, id] = next as unknown as [never, string];
      const third = app.bullmq.Job.fromJSON(worker, data, id);
      await third.moveToCompleted('done', 'token', false);
      const countRows = (status: string) =>
        app.rows('by-hand', status).map(({ jobType }) => jobType);
      expect(countRows('active')).toEqual(['a', 'b', 'c']);
      expect(countRows('completed')).toEqual(['a', 'c']);
      expect(countRows('failed')).toEqual(['b']);
    });
  });

  it('records the end of a job that its processor moves', async () => {
    const queue = createQueue('moved-inside');
    startWorker('moved-inside', async (processed) => {
      const job = processed as unknown as import('bullmq').Job;
      if (job.name === 'a') await job.moveToFailed(new Error('fails'), job.token!, false);
      else if (job.name === 'b') await job.moveToCompleted('done', job.token!, false);
    });
    await queue.addBulk(['a', 'b', 'c'].map((name) => ({ name, data: {} })));
    const countRows = (status: string) =>
      app.rows('moved-inside', status).map(({ jobType }) => jobType);
    await waitFor(async () => countRows('completed').includes('c'));
    expect(countRows('failed')).toEqual(['a']);
    expect(countRows('completed')).toEqual(['b', 'c']);
  });

  describe('the wait time', () => {
    it('of a retried job starts at its retry', async () => {
      const queue = createQueue('retried');
      let isDown = true;
      startWorker('retried', async () => {
        if (isDown) throw new Error('fails');
      });
      const job = await queue.add('a', {}, { timestamp: Date.now() - HOUR_MS });
      await waitFor(async () => app.rows('retried', 'failed').length > 0);
      isDown = false;
      const stored = await queue.getJob(job.id!);
      await stored!.retry();
      await waitForCompleted('retried', 1);
      const waits = app
        .rows('retried', 'active')
        .map(({ waitTime = 0 }) => waitTime >= HOUR_MS / 2);
      expect(waits).toEqual([true, false]);
    });

    it('of a delayed or rate-limited job starts when it is ready again', async () => {
      const queue = createQueue('moved');
      const past = { timestamp: Date.now() - HOUR_MS };
      startWorker(
        'moved',
        async (job) => {
          if (job.attemptsStarted > 1) return;
          if (job.name === 'limited') {
            await queue.rateLimit(20);
            throw Worker.RateLimitError();
          }
          const { token } = job as unknown as { token: string };
          await (job as unknown as import('bullmq').Job).moveToDelayed(Date.now() + 20, token);
          throw new app.bullmq.DelayedError();
        },
        { limiter: { max: 100, duration: 1000 } },
      );
      await queue.add('delayed', {}, past);
      await queue.add('limited', {}, past);
      await waitForCompleted('moved', 2);
      const again = app
        .rows('moved', 'active')
        .filter(({ waitTime = 0 }) => waitTime < HOUR_MS / 2);
      expect(again.map(({ jobType }) => jobType).sort()).toEqual(['delayed', 'limited']);
    });
  });

  describe('the oldest age', () => {
    it('of a retried job starts at its retry', async () => {
      const queue = createQueue('old-retried');
      const worker = startWorker('old-retried', async () => {
        throw new Error('fails');
      });
      const job = await queue.add('a', {}, { timestamp: Date.now() - HOUR_MS });
      await waitFor(async () => app.rows('old-retried', 'failed').length > 0);
      await worker.close();
      await (await queue.getJob(job.id!))!.retry();
      expect(await getOldestAge('old-retried')).toBeLessThan(60);
      // The next poll remembers the time.
      expect(await getOldestAge('old-retried')).toBeLessThan(60);
    });

    it('of a promoted or delayed job starts when the job is ready', async () => {
      const queue = createQueue('old-promoted');
      const timestamp = Date.now() - HOUR_MS;
      const job = await queue.add('a', {}, { timestamp, delay: 2 * HOUR_MS });
      await job.promote();
      expect(await getOldestAge('old-promoted')).toBeLessThan(60);
    });

    it('of the parent of a flow starts when its last child ends', async () => {
      createQueue('old-parent');
      const flows = new FlowProducer({ connection: getConnection() });
      opened.push(flows);
      await flows.add({
        name: 'parent',
        queueName: 'old-parent',
        opts: { timestamp: Date.now() - HOUR_MS },
        children: [{ name: 'child', queueName: 'old-child' }],
      });
      startWorker('old-child');
      await waitForCompleted('old-child', 1);
      const isReady = async () =>
        (await app.poll('perfscope.queue.depth')).some(
          ({ queue, state, value }) => queue === 'old-parent' && state === 'waiting' && value === 1,
        );
      await waitFor(isReady);
      expect(await getOldestAge('old-parent')).toBeLessThan(60);
    });

    it('is found between jobs that were added at both ends', async () => {
      const queue = createQueue('stack');
      const now = Date.now();
      for (let i = 20; i > 0; i--) await queue.add('fifo', {}, { timestamp: now - i * 60_000 });
      for (let i = 20; i > 0; i--) {
        await queue.add('lifo', {}, { timestamp: now - i * 1000, lifo: true });
      }
      expect(Math.floor((await getOldestAge('stack'))! / 60)).toBe(20);
    });

    it('is the age of the oldest job of any priority', async () => {
      const queue = createQueue('priorities');
      const now = Date.now();
      await queue.addBulk(
        Array.from({ length: 150 }, (_, i) => ({
          name: 'high',
          data: {},
          opts: { priority: 1, timestamp: now - i },
        })),
      );
      await queue.add('low', {}, { priority: 9, timestamp: now - HOUR_MS });
      expect(Math.floor((await getOldestAge('priorities'))! / 60)).toBe(60);
    });
  });

  const isPolled = async (name: string) =>
    (await app.poll('perfscope.queue.depth')).some(({ queue }) => queue === name);

  it('polls the queue of a worker without a Queue object', async () => {
    startWorker('worker-only');
    await waitFor(() => isPolled('worker-only'));
  });

  it('polls a queue until its last object is closed', async () => {
    const queue = new Queue('half-closed', { connection: getConnection() });
    await queue.waitUntilReady();
    const worker = startWorker('half-closed');
    await worker.waitUntilReady();
    await queue.close();
    await waitFor(() => isPolled('half-closed'));
    await worker.close();
    expect(await isPolled('half-closed')).toBe(false);
  });

  it('polls each scope of a queue', async () => {
    await createQueue('shared', 'prod').addBulk(['a', 'b'].map((name) => ({ name, data: {} })));
    await createQueue('shared', 'stage').add('a', {});
    const depths = await app.poll('perfscope.queue.depth');
    const waiting = depths.filter(({ queue, state }) => queue === 'shared' && state === 'waiting');
    expect(waiting.map(({ scope, value }) => [scope, value]).sort()).toEqual([
      [`prod@127.0.0.1:${connection.port}/${version}`, 2],
      [`stage@127.0.0.1:${connection.port}/${version}`, 1],
    ]);
  });
});
