// Books payments. Booking 7 fails once, and kafkajs delivers the message again.
const { setTimeout: delay } = require('node:timers/promises');
const { kafka, TOPIC } = require('./kafka.js');

const failed = new Set();

async function bookPayment(booking) {
  await delay(20); // the time that a payment takes
  if (booking !== 7 || failed.has(booking)) return;
  failed.add(booking);
  throw new Error('The bank is busy.');
}

async function start() {
  const consumer = kafka.consumer({ groupId: 'accounting' });
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const booking = Number(message.value);
      await bookPayment(booking);
      console.log(`booking ${booking}: paid`);
    },
  });
  console.log(`waiting for messages in ${TOPIC}`);
  // The process then ends by itself, and the agent sends the last rows.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => consumer.disconnect());
}

start();
