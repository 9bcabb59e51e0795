import { types } from 'node:util';
import { guard } from '../../../core/guard.ts';
import { endOperation, startOperation } from '../context/operations.ts';
import { observePromise, wrapMethod } from '../loading/method-patching.ts';

/** What fails, for {@link guard}. */
const PART = 'the operations of queues';

const start = guard(PART, (getQueueName: () => string) => {
  const operation = startOperation('queue');
  return { operation, name: getQueueName() };
});

const end = guard(PART, (call: ReturnType<typeof start>, failed: boolean) => {
  if (call) endOperation(call.operation, call.name, failed);
});

/**
 * Runs a function that adds jobs or publishes messages, as a queue operation of the current request or job.
 *
 * @param getQueueName returns the name of the queue. Contains no values of users.
 * @param run calls the library's function exactly once
 * @returns the result of `run`, or a promise that settles like it
 */
export function runQueueOperation(getQueueName: () => string, run: () => unknown): unknown {
  const call = start(getQueueName);
  let isReturned = false;
  let result: unknown;
  // With `catch`, Node.js would print another source line for an uncaught error.
  try {
    result = run();
    isReturned = true;
  } finally {
    if (!isReturned) end(call, true);
  }
  if (!call) return result;
  if (!types.isPromise(result)) {
    end(call, false);
    return result;
  }
  return observePromise(
    result,
    () => end(call, false),
    () => end(call, true),
  );
}

/**
 * Records the calls of methods that add jobs as queue operations of the current request or job.
 *
 * @param names methods that return a promise. Missing methods are ignored.
 * @param getQueueName returns the name of the queue
 */
export function recordQueueOperations<T>(
  prototype: object,
  names: readonly string[],
  getQueueName: (producer: T, args: readonly unknown[]) => string,
): void {
  for (const name of names.filter((each) => each in prototype)) {
    wrapMethod(prototype, name, (original) => {
      return function (this: T, ...args: unknown[]) {
        return runQueueOperation(
          () => getQueueName(this, args),
          () => original.apply(this, args) as unknown,
        );
      };
    });
  }
}
