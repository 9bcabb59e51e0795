// Adds one job for each booking of two organizations.
const { withTenant } = require('@perfscope/agent');
const { Queue } = require('bullmq');
const { connection, QUEUE } = require('./connection.js');

const BOOKINGS = { acme: [1, 7, 13], seaside: [2, 3] };

async function addJobs() {
  const queue = new Queue(QUEUE, {
    connection,
    defaultJobOptions: { attempts: 3, backoff: { type: 'exponential', delay: 200 } },
  });
  for (const [organizationId, bookings] of Object.entries(BOOKINGS)) {
    // The job has this tenant too, in the producer and in the worker.
    await withTenant({ organizationId }, () =>
      queue.addBulk(bookings.map((booking) => ({ name: 'send', data: { booking } }))),
    );
  }
  await queue.close();
  console.log('added 5 jobs');
}

addJobs();
