import { isMainThread } from 'node:worker_threads';
import { guard, runGuarded, startTask } from '../../core/guard.ts';
import type { Agent } from '../agent.ts';
import {
  handleProcessEvent,
  handleSignalsToItself,
  sendSignalToItself,
  startHandlingSignal,
  stopHandlingSignal,
} from './process-events.ts';

const PART = 'the export at exit';

/** The parts of an agent that are needed when the process ends. */
export type EndingAgent = Pick<
  Agent,
  'config' | 'health' | 'lambda' | 'flushSync' | 'closeSync' | 'sendSpooled' | 'sendInBackground'
>;

export interface FlushOnExitOptions {
  /**
   * Adds rows to the last rows of the process, and returns whether it added any. Not called in a process without other
   * rows, because sending rows would delay its end.
   */
  readonly addLastRows?: () => boolean;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * When the process ends, writes all collected rows to the spool, and tries to send them for up to
 * `PERFORMANCE_EXIT_TIMEOUT`. The application's listeners are called as often and in the same order as
 * without the agent. SIGKILL can't be handled.
 *
 * Worker threads only write to the spool, so that they end without delay.
 */
export function flushOnExit(endingAgent: EndingAgent, options: FlushOnExitOptions = {}): void {
  hasExitHandler = true;
  const agent = withLastRows(endingAgent, options);
  handleExit(agent);
  if (!isMainThread) return;
  handleBeforeExit(agent);
  handleSignals(agent);
}

/**
 * When the process or the worker thread ends, writes all collected rows to the spool. For applications
 * that use the library without `register`. Does nothing after {@link flushOnExit}.
 */
export function spoolOnExit(agent: EndingAgent): void {
  if (!hasExitHandler) handleExit(agent);
}

let hasExitHandler = false;

function withLastRows(agent: EndingAgent, { addLastRows }: FlushOnExitOptions): EndingAgent {
  if (!addLastRows) return agent;
  return {
    config: agent.config,
    health: agent.health,
    lambda: agent.lambda,
    flushSync: (options) => {
      const hasRows = agent.flushSync(options);
      return hasRows && runGuarded(PART, addLastRows) ? agent.flushSync(options) : hasRows;
    },
    closeSync: () => agent.closeSync(),
    sendSpooled: (timeoutMs) => agent.sendSpooled(timeoutMs),
    sendInBackground: () => agent.sendInBackground(),
  };
}

function handleExit(agent: EndingAgent): void {
  handleProcessEvent('exit', ([code]) => {
    if (code === 0) runGuarded(PART, () => agent.health.recordStop());
    // A listener can end the process with another `process.exit()`, so rows are also written before the listeners.
    runGuarded(PART, () => agent.flushSync({ endOpenRequests: true, canSend: false }));
    return () => agent.closeSync();
  });
}

/**
 * Delays `beforeExit` until the rows are sent. Node.js emits the event again when the event loop is
 * empty again, so the application's listeners are called only once.
 */
function handleBeforeExit(agent: EndingAgent): void {
  let isSent = false;
  handleProcessEvent('beforeExit', () => {
    if (isSent) {
      isSent = false;
      return undefined;
    }
    runGuarded(PART, () => agent.health.recordStop());
    // A handler without a promise has not called back, and the function has nothing more to do.
    agent.lambda?.endOpenInvocation('succeeded');
    if (!agent.flushSync()) return undefined;
    sendAndKeepAlive(agent, () => {
      isSent = true;
    });
    return 'suppress';
  });
}

/**
 * Without a listener of the application, a signal ends the process. So the rows are sent first, and
 * then the signal is sent again with its default action. With a listener, the application decides when
 * to exit. The rows are written to the spool, and sent in the background.
 */
function handleSignals(agent: EndingAgent): void {
  let isEnding = false;
  const prepareEnd = (signal: NodeJS.Signals) => {
    isEnding = true;
    runGuarded(PART, () => agent.closeSync());
    stopHandlingSignal(signal);
  };
  const end = (signal: NodeJS.Signals) => {
    prepareEnd(signal);
    sendSignalToItself(signal);
  };
  for (const signal of SIGNALS) {
    handleProcessEvent(signal, ([_name, number]) => {
      // Only Node.js passes the number. An event that the application emits doesn't end the process.
      if (typeof number !== 'number') return;
      const isHandled = process.listenerCount(signal) > 0;
      // A handled SIGHUP usually reloads the configuration.
      if (!isHandled || signal !== 'SIGHUP') runGuarded(PART, () => agent.health.recordStop());
      // A failure of the agent must not keep the process alive.
      const hasRows = runGuarded(PART, () => agent.flushSync({ endOpenRequests: !isHandled }));
      if (isHandled) {
        // The application might call `process.exit()`, which doesn't allow sending.
        if (hasRows) startTask(PART, () => agent.sendInBackground());
        return;
      }
      if (isEnding || !hasRows) end(signal);
      else sendAndKeepAlive(agent, () => end(signal));
      isEnding = true;
    });
    startHandlingSignal(signal);
  }
  handleSignalsToItself((name) => {
    const signal = SIGNALS.find((each) => each === name);
    if (signal && process.listenerCount(signal) === 0) prepareEnd(signal);
  });
  // Node.js stops handling a signal when the application removes its last listener.
  handleProcessEvent('removeListener', ([event]) => () => {
    const signal = SIGNALS.find((each) => each === event);
    if (signal && !isEnding && process.listenerCount(signal) === 0) startHandlingSignal(signal);
  });
}

/**
 * The agent's sockets and timers don't keep the process alive, so a timer does. Without a QuestDB, sending ends in the
 * same turn of the event loop. Node.js emits `beforeExit` again only if the event loop was active, so one turn follows.
 */
function sendAndKeepAlive(agent: EndingAgent, onEnd: () => void): void {
  const timeoutMs = agent.config.settings.PERFORMANCE_EXIT_TIMEOUT;
  const keepAliveTimer = setTimeout(() => {}, timeoutMs);
  const end = guard(PART, () => {
    clearTimeout(keepAliveTimer);
    onEnd();
  });
  startTask(PART, async () => {
    try {
      await agent.sendSpooled(timeoutMs);
    } finally {
      setImmediate(end);
    }
  });
}
