import { setTimeout as delay } from 'node:timers/promises';
import { type Job, Queue, Worker } from 'bullmq';
import type pg from 'pg';
import type { Scenario } from './scenarios.ts';

export interface JobsOptions {
  redisUrl: string;
  pool: pg.Pool;
  /** Speed of the demo's day: 1 is real time. */
  speed: number;
  has: (scenario: Scenario) => boolean;
  /** Called for each invoice. */
  onInvoice: (booking: unknown) => Promise<void>;
}

const DAY_MS = 86_400_000;
const INVOICE_WORKERS = 4;
/** Number of invoices that the `backlog` scenario adds at once. */
const BACKLOG_SIZE = 20_000;
const BATCH_SIZE = 500;

/** Starts the hotels' queues and their workers. */
export function startJobs({ redisUrl, pool, speed, has, onInvoice }: JobsOptions) {
  const { hostname: host, port } = new URL(redisUrl);
  const connection = { host, port: Number(port), maxRetriesPerRequest: null };
  const defaultJobOptions = {
    attempts: 3,
    backoff: { type: 'fixed', delay: 2000 },
    removeOnComplete: true,
    removeOnFail: 500,
  };
  const queue = (name: string) => new Queue(name, { connection, defaultJobOptions });
  const queues = {
    mails: queue('confirmation-emails'),
    invoices: queue('invoices'),
    audits: queue('night-audit'),
  };
  let sent = 0;
  const sendMail = async () => {
    await delay(20 + 30 * Math.random());
    // One of 30 addresses doesn't exist, so retries fail too.
    if (++sent % 30 === 0) throw new Error('550 no mailbox guest@mail.example');
    return { accepted: true };
  };
  const mails = new Worker(queues.mails.name, sendMail, { connection, concurrency: 10 });
  const invoices = new Worker(
    queues.invoices.name,
    async (job: Job) => {
      const { rows } = await pool.query(
        'SELECT b.id, b.nights * r.price AS total FROM bookings b JOIN rooms r ON r.property = b.property AND r.number = b.room WHERE b.id = $1',
        [job.data.booking],
      );
      await onInvoice(job.data.booking);
      await delay(300 + 200 * Math.random());
      if (job.attemptsMade === 0 && Math.random() < 0.05) throw new Error('printer is busy');
      return rows[0] ?? {};
    },
    { connection, concurrency: INVOICE_WORKERS },
  );
  const audits = new Worker(
    queues.audits.name,
    async () => {
      const { rows } = await pool.query(
        "SELECT property, count(*) FROM bookings WHERE arrival = current_date AND status = 'confirmed' GROUP BY property",
      );
      return rows;
    },
    { connection },
  );
  const workers = [mails, invoices, audits];
  const logError = (error: Error) => console.error(`queue: ${error.message}`);
  for (const worker of workers) worker.on('error', logError);
  for (const each of Object.values(queues)) each.on('error', logError);
  void queues.audits.upsertJobScheduler('audit', { every: Math.round(DAY_MS / speed) });
  const addBacklog = async () => {
    // In batches, because one large batch blocks the event loop, and then requests are slow too.
    for (let added = 0; added < BACKLOG_SIZE; added += BATCH_SIZE) {
      const jobs = Array.from({ length: BATCH_SIZE }, (_, i) => ({
        name: 'invoice',
        data: { booking: 1 + ((added + i) % 20_000) },
      }));
      await queues.invoices.addBulk(jobs);
    }
  };
  let hasBacklog = false;
  const scenarioTimer = setInterval(() => {
    if (has('stuck-queue') && !mails.isPaused()) void mails.pause(true);
    if (!has('stuck-queue') && mails.isPaused()) mails.resume();
    if (has('backlog') && !hasBacklog) void addBacklog().catch(logError);
    hasBacklog = has('backlog');
  }, 500);
  return {
    queues,
    connection,
    sendMail,
    /** Sets the number of invoices to process concurrently. */
    setInvoiceWorkers: (count: number) => {
      invoices.concurrency = count;
    },
    close: async () => {
      clearInterval(scenarioTimer);
      await Promise.all(workers.map((worker) => worker.close()));
      await Promise.all(Object.values(queues).map((each) => each.close()));
    },
  };
}
