// Creates invoices with Agenda. Each job has one retry.
import { MongoBackend } from '@agendajs/mongo-backend';
import { Agenda, constant } from 'agenda';
import { addJobs, createInvoice, QUEUE } from './invoices.js';

const address = process.env.MONGODB_URL ?? 'mongodb://127.0.0.1/hotel';
const agenda = new Agenda({
  backend: new MongoBackend({ address }),
  processEvery: 200, // in ms, as all times
  // Agenda checks locks with timers, which keep the process alive.
  defaultLockLifetime: 2000,
});
await agenda.ready;
agenda.define(QUEUE, ({ attrs }) => createInvoice(attrs.data.booking, (attrs.failCount ?? 0) + 1), {
  backoff: constant({ delay: 100, maxRetries: 1 }),
});
const jobs = await addJobs((booking) => agenda.now(QUEUE, { booking }));

const pending = new Set(jobs.map(({ attrs }) => String(attrs._id)));
await new Promise((resolve) => {
  agenda.on('complete', ({ attrs }) => {
    if (attrs.nextRunAt === null) pending.delete(String(attrs._id));
    if (pending.size === 0) resolve();
  });
  agenda.start();
});
// The process then ends by itself, and the agent sends the last rows.
await agenda.stop();
