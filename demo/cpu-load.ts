import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** Computes without a pause. Perfscope doesn't measure these threads. */
const BUSY_LOOP = 'for (;;) Math.random();';

/** Keeps all CPUs busy, with one thread for each CPU. */
export class CpuLoad {
  #threads: Worker[] = [];

  /** Starts or stops the threads. Does nothing if they are already in this state. */
  setActive(isActive: boolean): void {
    if (isActive === this.#threads.length > 0) return;
    for (const thread of this.#threads) void thread.terminate();
    this.#threads = isActive ? Array.from({ length: availableParallelism() }, startThread) : [];
  }
}

function startThread(): Worker {
  const thread = new Worker(BUSY_LOOP, { eval: true, execArgv: [] });
  thread.on('error', (error: Error) => console.error(`cpu: ${error.message}`));
  thread.unref();
  return thread;
}
