// Sends one message for each booking of two organizations.
const { withTenant } = require('@perfscope/agent');
const { Partitioners } = require('kafkajs');
const { kafka, TOPIC } = require('./kafka.js');

const BOOKINGS = { acme: [1, 7, 13], seaside: [2, 3] };

async function send() {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  for (const [organizationId, bookings] of Object.entries(BOOKINGS)) {
    const messages = bookings.map((booking) => ({ value: String(booking) }));
    // The consumer gets the tenant with the message.
    await withTenant({ organizationId }, () => producer.send({ topic: TOPIC, messages }));
  }
  await producer.disconnect();
  console.log('sent 5 messages');
}

send();
