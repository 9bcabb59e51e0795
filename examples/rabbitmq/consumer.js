// Creates invoices of bookings. Booking 7 fails once, and booking 13 is rejected.
const { setTimeout: delay } = require('node:timers/promises');
const amqplib = require('amqplib');

const QUEUE = 'invoices';

async function createInvoice(booking, isRedelivered) {
  await delay(20); // the time that an invoice takes
  if (booking === 13) return 'reject';
  return booking === 7 && !isRedelivered ? 'retry' : 'done';
}

async function start() {
  const connection = await amqplib.connect(process.env.AMQP_URL ?? 'amqp://127.0.0.1');
  const channel = await connection.createChannel();
  await channel.assertQueue(QUEUE);
  await channel.prefetch(2);
  await channel.consume(QUEUE, async (message) => {
    const booking = Number(message.content);
    const result = await createInvoice(booking, message.fields.redelivered);
    if (result === 'done') channel.ack(message);
    else channel.nack(message, false, result === 'retry');
    console.log(`booking ${booking}: ${result}`);
  });
  console.log(`waiting for messages in ${QUEUE}`);
  // The process then ends by itself, and the agent sends the last rows.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());
}

start();
