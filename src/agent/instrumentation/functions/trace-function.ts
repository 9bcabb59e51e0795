import { reportFailure } from '../../../core/guard.ts';
import { checkFunction, checkName, createArgumentError } from '../../argument-checks.ts';
import type { TrackableFunction } from '../../record/performance-tracking.ts';
import { isRegistered } from '../../registered.ts';
import { getSharedAgent } from '../../shared-agent.ts';
import { type FunctionRecorder, TracedFunctionName } from './function-recorder.ts';
import { traceCall } from './trace-call.ts';

export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** What fails, for {@link reportFailure}. */
const PART = 'the traced functions';

/** Returns the recorder of this process, or undefined without `--import` and if monitoring is disabled. */
function getFunctionRecorder(): FunctionRecorder | undefined {
  if (!isRegistered()) return undefined;
  try {
    return getSharedAgent().functionRecorder;
  } catch (error) {
    reportFailure(PART, error);
    return undefined;
  }
}

/** See `traceFunction` in `src/index.ts`. */
export function traceNamedFunction<F extends TrackableFunction>(
  nameOrFunction: string | F,
  fn: F | undefined,
): F {
  const target = typeof nameOrFunction === 'string' ? fn : nameOrFunction;
  checkFunction('traceFunction', 'fn', target);
  const name = typeof nameOrFunction === 'string' ? nameOrFunction : readName(target!);
  if (typeof name !== 'string' || name === '') {
    throw createArgumentError('traceFunction', 'name', 'is empty, and the function has no name');
  }
  return wrapFunction(target!, () => name);
}

function readName(fn: TrackableFunction): unknown {
  try {
    return fn.name;
  } catch {
    // A Proxy can throw.
    return undefined;
  }
}

/**
 * Returns a function that records its calls. Returns the function itself if nothing is recorded in this process.
 *
 * @param getName returns the name. Called at the first call, with its `this`. If it throws, the calls are not recorded.
 */
export function wrapFunction<F extends TrackableFunction>(
  fn: F,
  getName: (thisArg: unknown) => string,
): F {
  const recorder = getFunctionRecorder();
  if (recorder === undefined) return fn;
  let traced: TracedFunctionName | undefined;
  const findName = (thisArg: unknown): TracedFunctionName | undefined => {
    try {
      traced = new TracedFunctionName(getName(thisArg));
    } catch (error) {
      reportFailure(PART, error);
    }
    return traced;
  };
  // A Proxy has the name, the length, and the properties of the function.
  return new Proxy(fn, {
    apply: (target, thisArg, args) => {
      const name = traced ?? findName(thisArg);
      const run = () => Reflect.apply(target as AnyFunction, thisArg, args);
      return name === undefined ? run() : traceCall(recorder, name, run);
    },
  });
}

/** See `traceStep` in `src/index.ts`. */
export function traceNamedStep<T>(name: string, fn: () => T): T {
  checkName('traceStep', 'name', name);
  checkFunction('traceStep', 'fn', fn);
  const recorder = getFunctionRecorder();
  return recorder === undefined ? fn() : traceCall(recorder, recorder.getFunction(name), fn);
}
