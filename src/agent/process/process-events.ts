import { guard, runGuarded } from '../../core/guard.ts';
import { wrapMethod } from '../instrumentation/loading/method-patching.ts';

/**
 * Handles an event of `process` before the application's listeners do.
 *
 * @param args arguments of the event
 * @returns a function to call after the application's listeners, `'suppress'` to not call the
 * application's listeners, or undefined
 */
export type ProcessEventHandler = (
  args: readonly unknown[],
  // biome-ignore lint/suspicious/noConfusingVoidType: most handlers return nothing.
) => (() => void) | 'suppress' | undefined | void;

const PART = 'a process event';
const handlers = new Map<unknown, ProcessEventHandler>();

/**
 * Handles an event of `process` without a listener. A listener would be visible to the application:
 * libraries count the listeners of a signal, and Node.js warns about more than ten. `process.emit`
 * is wrapped instead. Node.js calls it for `exit`, `beforeExit`, signals, and uncaught errors, even if
 * there are no listeners.
 */
export function handleProcessEvent(event: string, handler: ProcessEventHandler): void {
  if (handlers.size === 0) wrapEmit();
  handlers.set(event, handler);
}

function wrapEmit(): void {
  wrapMethod(process, 'emit', (original) => {
    return function emit(this: unknown, ...args: unknown[]) {
      const handler = handlers.get(args[0]);
      if (handler === undefined) return original.apply(this, args);
      const after = runGuarded(PART, () => handler(args.slice(1)));
      if (after === 'suppress') return false;
      if (typeof after !== 'function') return original.apply(this, args);
      try {
        return original.apply(this, args);
      } finally {
        runGuarded(PART, after);
      }
    };
  });
}

type SignalFunction = (this: NodeJS.Process, signal: NodeJS.Signals) => void;

/** Finds a listener that Node.js itself adds to `process` on the main thread. */
function findNodeListener(event: string, name: string): SignalFunction | undefined {
  return process.rawListeners(event).find((listener) => listener.name === name) as
    | SignalFunction
    | undefined;
}

// lib/internal/process/signal.js. Found when the agent is loaded, before the application can change the listeners.
const startListening = findNodeListener('newListener', 'startListeningIfSignal');
const stopListening = findNodeListener('removeListener', 'stopListeningIfSignal');

/**
 * Makes Node.js emit a signal as an event instead of ending the process, without a listener. It calls
 * the function with which Node.js starts to handle a signal when its first listener is added. Must be
 * called after {@link handleProcessEvent}, because this function binds the current `process.emit`.
 */
export function startHandlingSignal(signal: NodeJS.Signals): void {
  if (stopListening === undefined) return;
  runGuarded(PART, () => startListening?.call(process, signal));
}

/** Restores the default action of a signal, unless the application listens to it. */
export function stopHandlingSignal(signal: NodeJS.Signals): void {
  runGuarded(PART, () => stopListening?.call(process, signal));
}

const { kill } = process;

/** Sends a signal to this process, even if the application has replaced `process.kill`. */
export function sendSignalToItself(signal: NodeJS.Signals): void {
  kill.call(process, process.pid, signal);
}

/**
 * Calls `onKill` before the application sends a signal to its own process. Node.js would handle the
 * signal only later, but with its default action, the application ends inside the call.
 */
export function handleSignalsToItself(onKill: (signal: string | undefined) => void): void {
  const handle = guard(PART, (pid: unknown, signal: unknown = 'SIGTERM') => {
    if (Number(pid) === process.pid) onKill(toSignalName(signal));
  });
  wrapMethod(process, 'kill', (original) => {
    return function kill(this: unknown, ...args: unknown[]) {
      handle(args[0], args[1]);
      return original.apply(this, args);
    };
  });
}

function toSignalName(signal: unknown): string | undefined {
  if (typeof signal === 'string') return signal;
  const { signals } = process.getBuiltinModule('node:os').constants;
  return Object.entries(signals).find(([, number]) => number === signal)?.[0];
}
