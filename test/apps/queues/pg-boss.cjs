const { setTimeout: delay } = require('node:timers/promises');
const { Pool } = require('pg');
const { withTenant } = require('perfscope');

const { DATABASE_URL, SCHEMA } = process.env;

/** Sends and processes jobs in all ways that pg-boss has, and returns the IDs of the jobs. */
module.exports = async function run(library) {
  const PgBoss = library.PgBoss ?? library.default ?? library;
  const boss = new PgBoss({ connectionString: DATABASE_URL, schema: SCHEMA, supervise: false });
  const errors = [];
  boss.on('error', (error) => errors.push(error.message));
  await boss.start();
  // This statement belongs to the application.
  const pool = new Pool({ connectionString: DATABASE_URL });
  await pool.query('SELECT 1 AS application');
  const queues = ['mail', 'batch', 'manual', 'slow', 'idle', 'dead'];
  for (const queue of queues) await boss.createQueue(queue);
  const ids = {};
  const polling = { pollingIntervalSeconds: 0.5 };

  await withTenant({ organizationId: 'acme' }, async () => {
    ids.ok = await boss.send('mail', { address: 'a' });
    ids.retried = await boss.send('mail', { fails: 1 }, { retryLimit: 2 });
  });
  ids.failed = await boss.send('mail', { fails: 9 }, { retryLimit: 1, deadLetter: 'dead' });
  ids.later = await boss.sendAfter('mail', { address: 'b' }, {}, 1);
  ids.throttled = await boss.sendThrottled('mail', null, null, 60, 'key');
  const duplicate = await boss.sendThrottled('mail', null, null, 60, 'key');
  ids.idle = await boss.send('idle');
  ids.idleLater = await boss.sendAfter('idle', null, null, 600);
  const batch = [{ data: { n: 1 } }, { data: { n: 2 } }];
  // Version 10 has no parameter for the queue.
  if (boss.getQueueSize) await boss.insert(batch.map((job) => ({ name: 'batch', ...job })));
  else await boss.insert('batch', batch);
  ids.completed = await boss.send('manual', { n: 1 }, { retryLimit: 0 });
  ids.rejected = await boss.send('manual', { n: 2 }, { retryLimit: 0 });
  ids.cancelled = await boss.send('manual', { n: 3 }, { retryLimit: 0 });
  ids.slow = await boss.send('slow', null, { expireInSeconds: 1, retryLimit: 0 });

  const ends = new Map();
  const seen = [];
  const ended = (id) => ends.set(id, (ends.get(id) ?? 0) + 1);
  await boss.work('mail', polling, async ([job]) => {
    seen.push([Object.keys(job).filter((key) => key !== 'signal'), job.data]);
    await delay(20);
    ended(job.id);
    if ((job.data?.fails ?? 0) >= ends.get(job.id)) throw new TypeError('mail failed');
    return { sent: true };
  });
  await boss.work('batch', { ...polling, batchSize: 2 }, async (jobs) => {
    await delay(20);
    ended(`batch${jobs.length}`);
    throw new RangeError('batch failed');
  });
  await boss.work('slow', polling, async () => {
    await delay(1500);
    ended('slow');
  });

  const fetched = await boss.fetch('manual', { batchSize: 3 });
  const keys = Object.keys(fetched[0]);
  await delay(10);
  await boss.complete('manual', ids.completed, { done: 1 });
  await boss.fail('manual', ids.rejected, new Error('rejected'));
  await boss.cancel('manual', ids.cancelled);
  const again = await boss.fetch('manual', { includeMetadata: true });

  const expected = [
    [ids.ok, 1],
    [ids.retried, 2],
    [ids.failed, 2],
    [ids.later, 1],
    [ids.throttled, 1],
  ];
  const isDone = () => expected.every(([id, count]) => ends.get(id) === count) && ends.has('slow');
  const deadline = Date.now() + 30_000;
  while (!isDone()) {
    if (Date.now() > deadline) throw new Error('jobs are missing');
    await delay(50);
  }
  await delay(300);
  await pool.end();
  await boss.stop({ graceful: false });
  return {
    ids,
    duplicate,
    seen,
    keys,
    again,
    errors,
    batches: [...ends.keys()].filter((key) => key.startsWith('batch')),
  };
};
