import { guard } from '../../../../core/guard.ts';
import type { Tenant } from '../../context/tenant-context.ts';
import type { FilePatch } from '../../loading/library.ts';
import { observeMethod } from '../../loading/method-patching.ts';
import { runJobCode } from '../job-code.ts';
import { readStoredTenant } from '../stored-tenant.ts';
import { getBullTenant } from './bull-tenant.ts';

/** What fails, for {@link guard}. */
const PART = 'the Bull instrumentation';

/** The program that runs the processor files of sandboxed jobs. */
const CHILD_PROGRAM = /[\\/]bull[\\/]lib[\\/]process[\\/]master(?:\.js)?$/;

/** A message to or from the child process. `perfscope` has the tenant of the job. */
interface SandboxMessage {
  cmd?: unknown;
  job?: { name?: unknown; queue?: unknown };
  perfscope?: { readonly tenant: Tenant | undefined; readonly queueName: string };
}

type Listener = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Passes the queue and the tenant of a sandboxed job to the child process that runs it. There, the code of the job runs in
 * the context of the job. The process of the worker records the job itself.
 */
export function patchBullSandbox(): Record<string, FilePatch> {
  let finishJob: (() => void) | undefined;

  const onSend = (message: SandboxMessage) => {
    if (message.cmd === 'completed' || message.cmd === 'failed') finishJob?.();
    if (message.cmd !== 'start' || !message.job) return;
    const { name: queueName } = message.job.queue as { name: string };
    message.perfscope = { queueName, tenant: getBullTenant(message.job) };
  };

  /** Runs the library's listener for a job in the context of the job, until the child sends the result. */
  const observeMessages = guard(PART, () => {
    const [listener] = process.listeners('message').slice(-1) as unknown as Listener[];
    if (!listener) return;
    process.removeListener('message', listener);
    process.on('message', function (this: unknown, ...args: unknown[]) {
      const message = args[0] as SandboxMessage | undefined;
      if (message?.cmd !== 'start') return listener.apply(this, args);
      return void runJobCode(
        () => toContext(message),
        () => {
          listener.apply(this, args);
          return new Promise<void>((resolve) => {
            finishJob = resolve;
          });
        },
      );
    });
  });

  return {
    'lib/process/utils.js': (exports) => {
      observeMethod(PART, exports as object, 'asyncSend', {
        before: (_, [, message]) => onSend(message as SandboxMessage),
      });
      // The main program of the child adds its listener after it has loaded this file.
      if (CHILD_PROGRAM.test(process.argv[1] ?? '')) process.nextTick(observeMessages);
    },
  };
}

function toContext({ job, perfscope }: SandboxMessage) {
  const { queueName = '', tenant } = perfscope ?? {};
  return { queueName, jobType: String(job?.name ?? ''), tenant: readStoredTenant(tenant) };
}
