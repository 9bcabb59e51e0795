import { guard } from '../../../../core/guard.ts';
import { wrapMethod } from '../../loading/method-patching.ts';
import { recordQueueOperations } from '../queue-operations.ts';
import type { QueueRecorder } from '../queue-recorder.ts';
import type { PgBossManager } from './pg-boss-depth.ts';
import { addTenant } from './pg-boss-jobs.ts';

/** What fails, for {@link guard}. */
const PART = 'the pg-boss instrumentation';

/** Methods that add jobs. `publish` calls `send` for each queue. */
const SENDS = ['send', 'sendAfter', 'sendThrottled', 'sendDebounced', 'insert', 'upsert', 'flow'];

/** Records the calls that add jobs, and adds the current tenant to the data of the jobs. */
export function patchSends(
  prototype: object,
  { usesMessageHeaders }: QueueRecorder,
  addManager: (manager: PgBossManager) => void,
): void {
  recordQueueOperations<PgBossManager>(prototype, SENDS, (manager, [first]) => {
    addManager(manager);
    return getQueueName(first);
  });
  if (!usesMessageHeaders) return;
  const addTenants = guard(PART, (args: readonly unknown[]) => args.map(withTenant));
  for (const name of ['createJob', 'insert']) {
    wrapMethod(prototype, name, (original) => {
      return function (this: unknown, ...args: unknown[]) {
        return original.apply(this, addTenants(args) ?? args) as unknown;
      };
    });
  }
}

/** Returns the data of a job, a request with `data`, or an array of jobs, with the current tenant. */
function withTenant(value: unknown, index: number): unknown {
  if (Array.isArray(value)) return value.map((job: unknown) => withRequestTenant(job));
  // Version 12 passes a request as the first argument. Older versions pass the data as the second.
  if (index === 0) return withRequestTenant(value);
  return index === 1 ? (addTenant(value) ?? value) : value;
}

function withRequestTenant(request: unknown): unknown {
  const data = addTenant((request as { data?: unknown } | null)?.data);
  return data ? { ...(request as object), data } : request;
}

function getQueueName(first: unknown): string {
  const job: unknown = Array.isArray(first) ? first[0] : first;
  if (typeof job === 'string') return job;
  return String((job as { name?: unknown } | undefined)?.name ?? '');
}
