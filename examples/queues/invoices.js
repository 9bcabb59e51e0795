// The jobs of all programs: invoices of five bookings. Booking 7 fails once, and booking 13 always fails.
import { setTimeout as delay } from 'node:timers/promises';
import { withTenant } from '@perfscope/agent';

export const QUEUE = 'invoices';
const BOOKINGS = { acme: [1, 7, 13], seaside: [2, 3] };

/** Adds one job for each booking of two organizations. Returns the jobs. */
export async function addJobs(add) {
  const jobs = [];
  for (const [organizationId, bookings] of Object.entries(BOOKINGS)) {
    // The worker gets the tenant with the job.
    await withTenant({ organizationId }, async () => {
      for (const booking of bookings) jobs.push(await add(booking));
    });
  }
  return jobs;
}

export async function createInvoice(booking, attempt) {
  await delay(20); // the time that an invoice takes
  const isFailed = booking === 13 || (booking === 7 && attempt === 1);
  console.log(`booking ${booking}, attempt ${attempt}: ${isFailed ? 'failed' : 'done'}`);
  if (isFailed) throw new Error(`no invoice for booking ${booking}`);
}
