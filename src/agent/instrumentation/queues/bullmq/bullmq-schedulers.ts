import { guard } from '../../../../core/guard.ts';
import { runWithTenant } from '../../context/tenant-context.ts';
import type { FilePatch } from '../../loading/library.ts';
import { type Method, observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import { createStoredTenant, TENANT_PROPERTY, takeStoredTenant } from '../stored-tenant.ts';
import type { BullmqJob } from './bullmq-job-transition.ts';
import { getOptionsTenant, setJobTenant } from './bullmq-tenant.ts';

/** What fails, for {@link guard}. */
const PART = 'the BullMQ instrumentation';

/**
 * Records the jobs of job schedulers, and passes the tenant that added a scheduler or a repeatable job to all of its jobs. The
 * worker of a job adds the next job.
 *
 * @param folder folder of the patched files
 * @param recordAdded records a job that Redis ignores if it exists
 */
export function patchBullmqSchedulers(
  folder: string,
  recordAdded: (job: BullmqJob) => void,
): Record<string, FilePatch> {
  /** Wraps a method that gets the options of the previous job. */
  const runWithJobTenant = (prototype: object, name: string, optionsIndex: number) => {
    if (!(name in prototype)) return;
    const getTenant = guard(PART, (options: unknown) => getOptionsTenant(options));
    wrapMethod(prototype, name, (original: Method) => {
      return function (this: unknown, ...args: unknown[]) {
        const tenant = getTenant(args[optionsIndex]);
        const run = () => original.apply(this, args) as unknown;
        return tenant ? runWithTenant(tenant, run) : run();
      };
    });
  };

  const patchScheduler = (exports: unknown) => {
    const { prototype } = (exports as { JobScheduler: { prototype: object } }).JobScheduler;
    if ('getNextJobOpts' in prototype) {
      observeMethod(PART, prototype, 'getNextJobOpts', {
        after: (_, options: Record<string, unknown>) => {
          const tenant = createStoredTenant();
          if (tenant) options[TENANT_PROPERTY] = tenant;
        },
      });
    }
    observeMethod(PART, prototype, 'upsertJobScheduler', {
      after: (_, job: BullmqJob | undefined) => {
        if (!job) return;
        const tenant = takeStoredTenant(job.opts);
        if (tenant) setJobTenant(job, tenant);
        recordAdded(job);
      },
    });
    runWithJobTenant(prototype, 'upsertJobScheduler', 4);
  };

  const patchRepeat = (exports: unknown) => {
    const { prototype } = (exports as { Repeat: { prototype: object } }).Repeat;
    for (const name of ['addNextRepeatableJob', 'updateRepeatableJob']) {
      runWithJobTenant(prototype, name, 2);
    }
  };

  return {
    [`${folder}/job-scheduler.js`]: patchScheduler,
    [`${folder}/repeat.js`]: patchRepeat,
  };
}

/**
 * Returns the delay of a scheduler's job in ms. If the scheduler has the option `every`, only Redis knows the delay of the
 * next job, and BullMQ returns NaN. The ID then ends with the time when the job is due.
 */
export function getScheduledDelayMs({ id = '', opts, timestamp }: BullmqJob): number {
  const delayMs = opts?.delay ?? 0;
  if (!Number.isNaN(delayMs)) return delayMs;
  const dueMs = Number(id.slice(id.lastIndexOf(':') + 1));
  return dueMs > timestamp ? dueMs - timestamp : 0;
}
