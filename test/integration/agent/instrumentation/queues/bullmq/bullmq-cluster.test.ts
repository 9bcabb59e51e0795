import { resolve } from 'node:path';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InstrumentedBullmq } from '../../../../../support/instrumented-bullmq.ts';
import { RedisCluster } from '../../../../../support/redis-cluster.ts';
import { waitFor } from '../../../../../support/wait-for.ts';

const PREFIX = '{bull}';
const JOBS = 60;
const cluster = new RedisCluster();
beforeAll(() => cluster.start());
afterAll(() => cluster.remove());

describe('with a Redis Cluster', () => {
  const app = new InstrumentedBullmq(resolve('node_modules/bullmq'));
  const { Queue, Worker } = app.bullmq;
  const closers: (() => unknown)[] = [];
  afterAll(async () => {
    for (const close of closers) await close();
  });

  function connect(): Cluster {
    const connection = new Cluster(cluster.nodes, {
      redisOptions: { maxRetriesPerRequest: null },
      clusterRetryStrategy: () => 100,
      slotsRefreshInterval: 500,
    });
    connection.on('error', () => {});
    closers.push(() => connection.disconnect());
    return connection;
  }
  function createQueue(name: string) {
    const queue = new Queue(name, { connection: connect(), prefix: PREFIX });
    queue.on('error', () => {});
    closers.unshift(() => queue.close());
    return queue;
  }
  function startWorker(name: string, process: () => Promise<void>) {
    const options = { connection: connect(), prefix: PREFIX, concurrency: 2 };
    const worker = new Worker(name, process, {
      ...options,
      stalledInterval: 500,
      lockDuration: 1000,
    });
    worker.on('error', () => {});
    closers.unshift(() => worker.close(true));
    return worker;
  }
  const addJobs = (queue: Pick<ReturnType<typeof createQueue>, 'addBulk'>, count: number) =>
    queue.addBulk(Array.from({ length: count }, () => ({ name: 'job', data: {} })));
  const getValue = async (gauge: string, queue: string, state?: string) =>
    (await app.poll(gauge)).find((each) => each.queue === queue && each.state === state)?.value;

  it('reads the depth, the oldest age, and the workers', async () => {
    const queue = createQueue('depth');
    await addJobs(queue, 4);
    expect(await getValue('perfscope.queue.depth', 'depth', 'waiting')).toBe(4);
    expect(await getValue('perfscope.queue.oldest.age', 'depth')).toBeGreaterThan(0);
    const workers = [startWorker('depth', async () => {}), startWorker('depth', async () => {})];
    await Promise.all(workers.map((each) => each.waitUntilReady()));
    await waitFor(async () => app.rows('depth', 'completed').length === 4);
    await waitFor(async () => (await getValue('perfscope.queue.workers', 'depth')) === 2);
  });

  it('counts each job when a replica takes over', async () => {
    const queue = createQueue('failover');
    let started = 0;
    startWorker('failover', async () => {
      started++;
      await new Promise((done) => setTimeout(done, 20));
    });
    await addJobs(queue, JOBS);
    await waitFor(async () => started > JOBS / 4);
    await cluster.killMaster(queue.toKey(''));
    const getCompleted = async () => (await queue.getJobCounts('completed')).completed;
    await waitFor(async () => (await getCompleted()) === JOBS, 60_000);
    const completed = app.rows('failover', 'completed');
    await waitFor(async () => new Set(app.rows('failover', 'completed').map(toId)).size === JOBS);
    // A job whose result was lost with the master is processed again.
    const stalled = app.rows('failover', 'stalled').map(toId);
    const repeated = completed.map(toId).filter((id, i, ids) => ids.indexOf(id) !== i);
    expect(repeated.filter((id) => !stalled.includes(id))).toEqual([]);
    expect(app.arrivals('failover')).toHaveLength(JOBS);
    expect(app.rows('failover', 'failed')).toEqual([]);
    expect(await getValue('perfscope.queue.depth', 'failover', 'waiting')).toBe(0);
  });
});

function toId({ jobId }: { jobId?: string | undefined }): string | undefined {
  return jobId;
}
