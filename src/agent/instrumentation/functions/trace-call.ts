import { observeResult } from '../../record/observe-result.ts';
import type { FunctionRecorder, TracedFunctionName } from './function-recorder.ts';

/**
 * Runs a function, and records its call. Returns its result, or throws its error. Promises are recorded
 * when they settle, and generators when their iteration ends.
 */
export function traceCall<R>(
  recorder: FunctionRecorder,
  traced: TracedFunctionName,
  run: () => R,
): R {
  const call = recorder.start(traced);
  if (call === undefined) return run();
  let isReturned = false;
  let result: R;
  // With `catch`, Node.js would print another source line for an uncaught error.
  try {
    result = run();
    isReturned = true;
  } finally {
    if (!isReturned) call.end(true);
  }
  if (result === null || (typeof result !== 'object' && typeof result !== 'function')) {
    call.end(false);
    return result;
  }
  return observeResult(result, call) as R;
}
