import { jobTotals } from './jobs.ts';
import type { Question } from './question.ts';
import { percentOf } from './row.ts';
import type { Store } from './store.ts';

/** What a tenant's jobs took of a queue. Times in ms, shares in percent of the queue's. */
export interface TenantShare {
  queue: string | undefined;
  organizationId: string | undefined;
  propertyId: string | undefined;
  ended: number;
  processing: number;
  processingShare: number | undefined;
  waiting: number;
  waitingShare: number | undefined;
}

/** Who uses the queues, the greatest share of running time first. */
export async function queueHogs(store: Store, question: Question): Promise<TenantShare[]> {
  const groupBy = ['queue', 'organization', 'property'] as const;
  const totals = await jobTotals(store, { ...question, groupBy, step: undefined });
  const ofQueue = (queue: string | undefined) =>
    totals.filter(({ group }) => group.queue === queue);
  const whole = (queue: string | undefined, what: 'processing' | 'waiting') =>
    ofQueue(queue).reduce((sum, total) => sum + total[what], 0);
  return totals
    .map(({ group, completed, failed, processing, waiting }) => ({
      queue: group.queue,
      organizationId: group.organization,
      propertyId: group.property,
      ended: completed + failed,
      processing,
      waiting,
      processingShare: percentOf(processing, whole(group.queue, 'processing')),
      waitingShare: percentOf(waiting, whole(group.queue, 'waiting')),
    }))
    .sort((a, b) => (b.processingShare ?? 0) - (a.processingShare ?? 0));
}
