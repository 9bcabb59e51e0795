// Creates invoices of bookings. Booking 7 fails once, and booking 13 always fails.
const { setTimeout: delay } = require('node:timers/promises');
const { PgBoss } = require('pg-boss');

const QUEUE = 'invoices';
const POLLING = { pollingIntervalSeconds: 0.5, includeMetadata: true };

async function createInvoice({ data: { booking }, retryCount }) {
  await delay(20); // the time that an invoice takes
  const isFailed = booking === 13 || (booking === 7 && retryCount === 0);
  console.log(`booking ${booking}: ${isFailed ? 'failed' : 'done'}`);
  if (isFailed) throw new Error(`no invoice for booking ${booking}`);
}

async function start() {
  const boss = new PgBoss(process.env.DATABASE_URL ?? 'postgresql://127.0.0.1/postgres');
  boss.on('error', console.error);
  await boss.start();
  await boss.createQueue(QUEUE);
  await boss.work(QUEUE, POLLING, async ([job]) => createInvoice(job));
  console.log(`waiting for messages in ${QUEUE}`);
  // The process then ends by itself, and the agent sends the last rows.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => boss.stop());
}

start();
