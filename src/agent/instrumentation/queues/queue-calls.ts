import { types } from 'node:util';
import { guard } from '../../../core/guard.ts';
import { endOperation, type Operation, startOperation } from '../context/operations.ts';
import { runOutsideRequest } from '../context/tenant-context.ts';
import { type Method, observePromise, wrapMethod } from '../loading/method-patching.ts';

/** What fails, for {@link guard}. */
const PART = 'the queue calls of requests';

/**
 * Measures the calls of a method that adds jobs, as queue calls of the current request. The commands that the
 * library sends to its server during the call are not operations of the request too.
 *
 * @param readName returns the name of the queue from the arguments of the call
 */
export function measureQueueCalls(
  target: object,
  name: string,
  readName: (args: readonly unknown[]) => unknown,
): void {
  const start = guard(PART, () => {
    const operation = startOperation('queue');
    return operation.owner === undefined ? undefined : operation;
  });
  const end = guard(PART, (operation: Operation, args: readonly unknown[], failed: boolean) => {
    const queue = readName(args);
    endOperation(operation, typeof queue === 'string' ? queue : '', failed);
  });
  wrapMethod(target, name, (original: Method) => {
    return function (this: unknown, ...args: unknown[]) {
      const operation = start();
      if (operation === undefined) return original.apply(this, args);
      let result: unknown;
      try {
        result = runOutsideRequest(() => original.apply(this, args) as unknown);
      } catch (error) {
        end(operation, args, true);
        throw error;
      }
      if (types.isPromise(result)) {
        return observePromise(
          result,
          () => end(operation, args, false),
          () => end(operation, args, true),
        );
      }
      end(operation, args, false);
      return result;
    };
  });
}
