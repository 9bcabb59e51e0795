import { guard } from '../../../../core/guard.ts';
import type { Tenant } from '../../context/tenant-context.ts';
import type { FilePatch } from '../../loading/library.ts';
import { type Method, observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import { runJobCode } from '../job-code.ts';
import { readStoredTenant, takeStoredTenant } from '../stored-tenant.ts';

/** What fails, for {@link guard}. */
const PART = 'the BullMQ instrumentation';

/** A job that is sent to the process or thread that runs its processor file. */
interface SandboxJob {
  name?: unknown;
  queueName?: unknown;
  opts?: Record<string, unknown>;
}

/** A message to the process or thread. `perfscope` has the tenant of the job. */
interface SandboxMessage {
  job?: SandboxJob;
  perfscope?: Tenant;
}

interface ChildProcessor {
  processor?: Method;
}

interface Receiver {
  on?(event: 'message', listener: (message: unknown) => void): unknown;
}

/**
 * Passes the tenant of a sandboxed job to the process or thread that runs it. There, the code of the job runs in the context of
 * the job. The process of the worker records the job itself. The tenant is not in the job's options, so the application never
 * sees it, also in a process without Perfscope.
 *
 * @param folder folder of the patched files
 */
export function patchBullmqSandbox(folder: string): Record<string, FilePatch> {
  const tenantsByJob = new WeakMap<object, Tenant>();

  const moveTenant = (message: SandboxMessage | undefined) => {
    const tenant = takeStoredTenant(message?.job?.opts);
    if (message && tenant) message.perfscope = tenant;
  };

  const onMessage = guard(PART, (message: unknown) => {
    const { job, perfscope } = (message ?? {}) as SandboxMessage;
    const tenant = readStoredTenant(perfscope);
    if (job && tenant) tenantsByJob.set(job, tenant);
  });

  const wrapProcessor = (child: ChildProcessor) => {
    const { processor } = child;
    if (!processor) return;
    child.processor = function (this: unknown, ...args: unknown[]) {
      return runJobCode(
        () => {
          const job = args[0] as SandboxJob;
          const jobType = String(job.name ?? '');
          return { queueName: String(job.queueName), jobType, tenant: tenantsByJob.get(job) };
        },
        () => processor.apply(this, args) as unknown,
      );
    };
  };

  return {
    [`${folder}/child.js`]: (exports) => {
      const { prototype } = (exports as { Child: { prototype: object } }).Child;
      observeMethod(PART, prototype, 'send', {
        before: (_, [message]) => moveTenant(message as SandboxMessage | undefined),
      });
    },
    // The program of the process or thread.
    [`${folder}/main-base.js`]: (exports) => {
      wrapMethod(exports as object, 'default', (original) => {
        return function (this: unknown, ...args: unknown[]) {
          (args[1] as Receiver | undefined)?.on?.('message', onMessage);
          return original.apply(this, args) as unknown;
        };
      });
    },
    [`${folder}/child-processor.js`]: (exports) => {
      const { prototype } = (exports as { ChildProcessor: { prototype: object } }).ChildProcessor;
      observeMethod<ChildProcessor>(PART, prototype, 'init', { after: wrapProcessor });
      observeMethod(PART, prototype, 'wrapJob', {
        after: (_, job: object, [json]) => {
          const tenant = tenantsByJob.get(json as object);
          if (tenant) tenantsByJob.set(job, tenant);
        },
      });
    },
  };
}
