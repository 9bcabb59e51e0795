// Sends confirmations of bookings. Booking 7 fails once, and booking 13 fails in each attempt.
const { setTimeout: delay } = require('node:timers/promises');
const { Worker } = require('bullmq');
const { connection, QUEUE } = require('./connection.js');

async function sendConfirmation({ data: { booking }, attemptsMade }) {
  await delay(20); // the time that a mail server takes
  if (booking === 7 && attemptsMade === 0) throw new Error('The mail server is busy.');
  if (booking === 13) throw new Error('Booking 13 has no email address.');
}

const worker = new Worker(QUEUE, sendConfirmation, { connection, concurrency: 2 });
worker.on('ready', () => console.log(`waiting for jobs in ${QUEUE}`));
worker.on('completed', ({ data }) => console.log(`booking ${data.booking}: sent`));
worker.on('failed', ({ data, finishedOn, attemptsMade }, { message }) => {
  const next = finishedOn ? 'gave up' : 'trying again';
  console.log(`booking ${data.booking}: attempt ${attemptsMade} failed, ${next}: ${message}`);
});
worker.on('error', ({ message }) => console.error(message));

// Lets the current jobs finish. The process then ends by itself, and the agent sends the last rows.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => worker.close());
