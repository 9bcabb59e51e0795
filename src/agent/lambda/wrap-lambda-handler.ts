import { reportFailure, startTask } from '../../core/guard.ts';
import { checkFunction, readOptions, toMsInRange } from '../argument-checks.ts';
import { isThenable } from '../instrumentation/loading/method-patching.ts';
import { isRegistered } from '../registered.ts';
import { getSharedAgent } from '../shared-agent.ts';
import type { LambdaInvocation } from './lambda-invocation.ts';
import type { LambdaMonitor } from './lambda-monitor.ts';

// biome-ignore-start lint/suspicious/noExplicitAny: handlers of any event are accepted.
/** A handler of AWS Lambda: an async function, a function with a callback, or a streaming handler. */
export type LambdaHandler = (...args: any[]) => any;
// biome-ignore-end lint/suspicious/noExplicitAny: see above.

/** Options of `wrapLambdaHandler`. */
export interface LambdaHandlerOptions {
  /**
   * Maximum time to send the rows before the result is returned, in ms, from 0 to 60,000. It never exceeds the remaining
   * time of the invocation minus 100 ms. Default: `PERFORMANCE_LAMBDA_FLUSH_TIMEOUT`, which is 200.
   */
  flushTimeoutMs?: number | undefined;
}

type Callback = (error: unknown, result?: unknown) => void;

/** What fails, for {@link reportFailure}. */
const PART = 'the handler of the function';
const FN = 'wrapLambdaHandler';
/** A handler with this property writes to a stream (`awslambda.streamifyResponse`). */
const STREAMING_KEY = Symbol.for('aws.lambda.runtime.handler.streaming');
/** Shared by all copies of this module, so that no handler is wrapped twice. */
const WRAPPED_KEY = Symbol.for('perfscope.lambda');
const sharedGlobal = globalThis as { [WRAPPED_KEY]?: WeakSet<object> };

/** See `wrapLambdaHandler` in `src/index.ts`. */
export function wrapHandler<H extends LambdaHandler>(
  handler: H,
  options: LambdaHandlerOptions | undefined,
): H {
  checkFunction(FN, 'handler', handler);
  const given = readOptions(FN, options, ['flushTimeoutMs']).flushTimeoutMs;
  const timeoutMs =
    given === undefined
      ? undefined
      : toMsInRange(FN, 'flushTimeoutMs', given, { min: 0, max: 60_000, fallback: 0 });
  const monitor = findMonitor();
  const wrapped = getWrappedHandlers();
  if (monitor === undefined || wrapped.has(handler)) return handler;
  monitor.markInitialized();
  // A Proxy has the length and the properties of the handler, which the runtime reads.
  const proxy = new Proxy(handler, {
    apply: (target, thisArg, args: unknown[]) =>
      invoke(
        monitor,
        timeoutMs,
        args,
        (newArgs) => Reflect.apply(target, thisArg, newArgs),
        target,
      ),
  });
  wrapped.add(proxy);
  return proxy;
}

function findMonitor(): LambdaMonitor | undefined {
  if (!isRegistered()) return undefined;
  try {
    return getSharedAgent().lambda;
  } catch (error) {
    reportFailure(PART, error);
    return undefined;
  }
}

function getWrappedHandlers(): WeakSet<object> {
  if (!sharedGlobal[WRAPPED_KEY]) {
    Object.defineProperty(globalThis, WRAPPED_KEY, { value: new WeakSet() });
  }
  return sharedGlobal[WRAPPED_KEY]!;
}

/** Runs a handler once. Its result or its error is returned after the rows were sent. */
function invoke(
  monitor: LambdaMonitor,
  timeoutMs: number | undefined,
  args: readonly unknown[],
  run: (args: readonly unknown[]) => unknown,
  handler: object,
): unknown {
  const isStreaming = isStreamingHandler(handler);
  const [event] = args;
  const context = args[isStreaming ? 2 : 1];
  const invocation = monitor.start(event, context);
  if (invocation === undefined) return run(args);
  const call: HandlerCall = { monitor, invocation, context, timeoutMs };
  const callback = isStreaming ? undefined : args[2];
  const newArgs =
    typeof callback === 'function' ? args.with(2, wrapCallback(call, callback as Callback)) : args;
  let result: unknown;
  try {
    result = monitor.run(invocation, () => run(newArgs));
  } catch (error) {
    // The runtime handles a rejection in the same way as an error that is thrown.
    return rejectAfterFlush(call, error);
  }
  return isThenable(result) ? returnAfterFlush(call, result) : result;
}

interface HandlerCall {
  readonly monitor: LambdaMonitor;
  readonly invocation: LambdaInvocation;
  readonly context: unknown;
  readonly timeoutMs: number | undefined;
}

async function returnAfterFlush(
  call: HandlerCall,
  promise: PromiseLike<unknown>,
): Promise<unknown> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    return rejectAfterFlush(call, error);
  }
  const { monitor, invocation, context, timeoutMs } = call;
  monitor.end(invocation, 'succeeded', result, undefined);
  await monitor.flush(context, timeoutMs);
  return result;
}

async function rejectAfterFlush(call: HandlerCall, error: unknown): Promise<never> {
  const { monitor, invocation, context, timeoutMs } = call;
  monitor.end(invocation, 'failed', undefined, error);
  await monitor.flush(context, timeoutMs);
  throw error;
}

/** Returns a callback that sends the rows first. A second call is passed on, because the runtime reports it. */
function wrapCallback(call: HandlerCall, callback: Callback): Callback {
  const { monitor, invocation, context, timeoutMs } = call;
  return (...args) => {
    const [error, result] = args;
    const failed = error !== undefined && error !== null;
    monitor.end(invocation, failed ? 'failed' : 'succeeded', result, error);
    startTask(PART, async () => {
      await monitor.flush(context, timeoutMs);
      // If the callback throws, the error is uncaught, as without the agent.
      setImmediate(callback, ...args);
    });
  };
}

function isStreamingHandler(handler: object): boolean {
  try {
    return (handler as { [STREAMING_KEY]?: unknown })[STREAMING_KEY] === 'response';
  } catch {
    return false;
  }
}
