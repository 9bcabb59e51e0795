// Runs every kind of BullMQ job: a flow, a delayed job, a prioritized job, a retry, and a
// scheduler. With the argument `hang`, it runs a job that hangs until the process is killed.
import { setTimeout as delay } from 'node:timers/promises';
import { FlowProducer, Queue, Worker } from 'bullmq';
import { performanceMonitoringService as service, withTenant } from 'perfscope';

const { hostname: host, port } = new URL(process.env.REDIS_URL);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };
const options = { connection, stalledInterval: 300, lockDuration: 500 };

if (process.argv[2] === 'hang') {
  const worker = new Worker('hangs', () => delay(3_600_000), options);
  worker.on('error', () => {});
  worker.on('active', () => console.log('hanging'));
  await new Queue('hangs', { connection }).add('hang', {});
} else {
  const endedJobs = [];
  const processJob = async (job) => {
    await delay(20);
    if (job.name === 'breaks') throw new Error('intentional failure');
    return 'done';
  };
  const workers = ['kinds', 'kinds', 'parents', 'hangs'].map((name) => {
    const worker = new Worker(name, name === 'hangs' ? async () => 'done' : processJob, options);
    worker.on('error', () => {});
    worker.on('completed', (job) => {
      endedJobs.push(job.name);
      if (job.name !== 'delayed') return;
      console.log(`waited ${job.processedOn - job.timestamp - job.opts.delay} ms`);
    });
    worker.on('failed', (job) => job.finishedOn && endedJobs.push(job.name));
    return worker;
  });
  const queue = new Queue('kinds', { connection });
  const flows = new FlowProducer({ connection });
  await withTenant({ organizationId: 'flow' }, () =>
    flows.add({
      name: 'parent',
      queueName: 'parents',
      children: [
        { name: 'child', queueName: 'kinds', opts: { removeOnComplete: true } },
        { name: 'child', queueName: 'kinds' },
      ],
    }),
  );
  await queue.add('delayed', {}, { delay: 150 });
  await queue.add('first', {}, { priority: 1 });
  await queue.add('breaks', {}, { attempts: 2, backoff: 50 });
  await queue.upsertJobScheduler('again', { every: 100, limit: 3 }, { name: 'again' });
  service.recordQueueMetric({
    queueName: 'own',
    jobId: 'a',
    jobType: 'print',
    status: 'completed',
    duration: 40,
    waitTime: 10,
  });
  const expectedJobs = 1 + 2 + 1 + 1 + 1 + 3 + 1;
  while (endedJobs.length < expectedJobs) await delay(20);
  await Promise.all(workers.map((worker) => worker.close()));
  await Promise.all([queue.close(), flows.close()]);
}
