// Creates invoices with bee-queue. Each job has one retry.
import BeeQueue from 'bee-queue';
import { addJobs, createInvoice, QUEUE } from './invoices.js';

const RETRIES = 1;
const redis = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
const queue = new BeeQueue(QUEUE, { redis });
const jobs = await addJobs((booking) => queue.createJob({ booking }).retries(RETRIES).save());

const pending = new Set(jobs.map(({ id }) => id));
await new Promise((resolve) => {
  const end = ({ id }) => {
    pending.delete(id);
    if (pending.size === 0) resolve();
  };
  queue.on('succeeded', end);
  queue.on('failed:fatal', end); // after the last attempt
  queue.process(({ data, options }) => createInvoice(data.booking, RETRIES - options.retries + 1));
});
// The process then ends by itself, and the agent sends the last rows.
await queue.close();
