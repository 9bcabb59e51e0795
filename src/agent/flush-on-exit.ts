import type { Agent } from './agent.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const EXIT_FLUSH_TIMEOUT_MS = 2000;

/**
 * When the process ends, sends all collected rows or writes them to the spool. SIGKILL can't be
 * handled.
 */
export function flushOnExit(agent: Agent): void {
  if (!agent.hasWriteTarget) return;
  let flushing: Promise<void> | undefined;
  const flush = () => {
    // The agent's sockets and timers are unreferenced. This timer keeps the process alive
    // for up to 2 s.
    const keepAliveTimer = setTimeout(() => {}, EXIT_FLUSH_TIMEOUT_MS);
    flushing ??= agent.flush(EXIT_FLUSH_TIMEOUT_MS).catch(() => {});
    return flushing.finally(() => clearTimeout(keepAliveTimer));
  };
  process.once('beforeExit', flush);
  process.on('exit', () => agent.flushSync());
  for (const signal of SIGNALS) {
    const listener = () => {
      const isOnlyListener = process.listenerCount(signal) === 0;
      // Without this listener, the signal would have ended the process, so it is sent again.
      void flush().finally(() => {
        if (!isOnlyListener) return;
        agent.flushSync();
        process.kill(process.pid, signal);
      });
    };
    process.once(signal, listener);
  }
}
