// Creates invoices with Bull. Each job has two attempts.
import Bull from 'bull';
import { addJobs, createInvoice, QUEUE } from './invoices.js';

const queue = new Bull(QUEUE, process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
queue.process(({ data, attemptsMade }) => createInvoice(data.booking, attemptsMade + 1));

const jobs = await addJobs((booking) => queue.add({ booking }, { attempts: 2 }));
await Promise.allSettled(jobs.map((job) => job.finished()));
// The process then ends by itself, and the agent sends the last rows.
await queue.close();
