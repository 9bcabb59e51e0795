import { isMainThread, threadId, threadName } from 'node:worker_threads';

/** Name of threads that the application didn't name. */
const DEFAULT_THREAD_NAME = 'WorkerThread';
const MAX_NAME_LENGTH = 60;

/** The facts that name a process or thread. */
export interface ProcessRole {
  /** Undefined in the main thread. */
  readonly threadId: number | undefined;
  /** The name that the application gave the thread, or the default name. */
  readonly threadName: string | undefined;
  /** Path of the thread's script. Undefined while Node.js loads the modules of `--import` and `--require`. */
  readonly script: string | undefined;
  /** Undefined outside of cluster workers. */
  readonly clusterWorkerId: number | undefined;
}

/** Returns the role of this thread. */
export function readProcessRole(): ProcessRole {
  return {
    threadId: isMainThread ? undefined : threadId,
    threadName: threadName ?? undefined,
    script: process.argv[1],
    // Only processes with an IPC channel can be cluster workers. Loading the module takes time in the others.
    clusterWorkerId:
      isMainThread && process.channel
        ? process.getBuiltinModule('node:cluster').worker?.id
        : undefined,
  };
}

/**
 * Returns the name of a thread or a cluster worker, such as `worker thread 2 (mailer.js)` or `cluster worker 1`. Returns
 * undefined for other processes.
 */
export function formatProcessName(role: ProcessRole): string | undefined {
  if (role.clusterWorkerId !== undefined) return `cluster worker ${role.clusterWorkerId}`;
  if (role.threadId === undefined) return undefined;
  const isNamed = role.threadName && role.threadName !== DEFAULT_THREAD_NAME;
  const name = isNamed ? role.threadName : role.script?.replace(/^.*[\\/]/, '');
  // The script of code in a string is `[worker eval]`.
  const text = (name ?? '').replaceAll(/[^\w.@ -]/g, '').slice(0, MAX_NAME_LENGTH);
  return `worker thread ${role.threadId}${text && ` (${text})`}`;
}
