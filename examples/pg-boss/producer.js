// Adds one job for each booking of two organizations.
const { withTenant } = require('@perfscope/agent');
const { PgBoss } = require('pg-boss');

const QUEUE = 'invoices';
const BOOKINGS = { acme: [1, 7, 13], seaside: [2, 3] };

async function addJobs() {
  const boss = new PgBoss(process.env.DATABASE_URL ?? 'postgresql://127.0.0.1/postgres');
  boss.on('error', console.error);
  await boss.start();
  await boss.createQueue(QUEUE);
  for (const [organizationId, bookings] of Object.entries(BOOKINGS)) {
    // The worker gets the tenant with the job.
    await withTenant({ organizationId }, async () => {
      for (const booking of bookings) await boss.send(QUEUE, { booking }, { retryLimit: 1 });
    });
  }
  await boss.stop();
  console.log('added 5 jobs');
}

addJobs();
