// Publishes one message for each booking of two organizations.
const { withTenant } = require('@perfscope/agent');
const amqplib = require('amqplib');

const QUEUE = 'invoices';
const BOOKINGS = { acme: [1, 7, 13], seaside: [2, 3] };

async function publish() {
  const connection = await amqplib.connect(process.env.AMQP_URL ?? 'amqp://127.0.0.1');
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(QUEUE);
  for (const [organizationId, bookings] of Object.entries(BOOKINGS)) {
    // The consumer gets the tenant with the message.
    withTenant({ organizationId }, () => {
      for (const booking of bookings) channel.sendToQueue(QUEUE, Buffer.from(String(booking)));
    });
  }
  await channel.waitForConfirms();
  await connection.close();
  console.log('published 5 messages');
}

publish();
