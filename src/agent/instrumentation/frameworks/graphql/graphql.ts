import { types } from 'node:util';
import { guard } from '../../../../core/guard.ts';
import type { Library } from '../../loading/library.ts';
import {
  copyFunctionProperties,
  isThenable,
  type Method,
  observePromise,
} from '../../loading/method-patching.ts';
import {
  type ExecutionArguments,
  type GraphqlCall,
  type GraphqlError,
  GraphqlRecorder,
  type OperationKind,
} from './graphql-recorder.ts';

/** What fails, for {@link guard}. */
const PART = 'the GraphQL instrumentation';

/**
 * Measures the operations that `execute` and `subscribe` run. Version 17 also publishes them on channels, and version 16
 * doesn't. Apollo Server and GraphQL Yoga are measured at a place that also knows rejected documents.
 */
export const GRAPHQL: Library = {
  name: 'graphql',
  category: 'api',
  versions: { from: '16.0.0', to: 17 },
  measured:
    'Types and names of operations, such as `/graphql query Rooms`, their durations, and errors that resolvers throw, by field. Errors that resolvers throw as `GraphQLError` are not failures, unless their code is `INTERNAL_SERVER_ERROR`.',
  limits:
    'Without Apollo Server or GraphQL Yoga, a request has the name of its first operation, and requests with a rejected document have no operation. Operations that `graphql-jit` runs are not measured. The duration of a subscription is the time until it starts.',
  bundledMessages: ['Schema must contain uniquely named types but contains multiple types named'],
  instrument: (context) => {
    const recorder = GraphqlRecorder.get(context);
    const names = ['execute', 'subscribe', 'experimentalExecuteIncrementally'];
    const patchExecute = (exports: unknown) => replaceFunctions(exports, recorder, names);
    const patchSubscribe = (exports: unknown) => replaceFunctions(exports, recorder, ['subscribe']);
    return {
      patches: {
        'execution/execute.js': patchExecute,
        // Only version 16 has this file.
        'execution/subscribe.js': patchSubscribe,
      },
      modules: {
        'execution/execute.mjs': { names, patch: patchExecute },
        'execution/subscribe.mjs': { names: ['subscribe'], patch: patchSubscribe },
      },
    };
  },
};

function replaceFunctions(
  exports: unknown,
  recorder: GraphqlRecorder,
  names: readonly string[],
): void {
  const functions = exports as Record<string, Method | undefined>;
  for (const name of names) {
    const original = functions[name];
    if (original) functions[name] = observeExecution(original, recorder, toKind(name));
  }
}

/** `execute` also runs once for each event of a subscription, which isn't an operation. */
function toKind(name: string): OperationKind {
  return name === 'subscribe' ? 'subscription' : 'other';
}

/**
 * Returns a function that runs and records an operation.
 *
 * @param original gets the arguments of an execution as its first parameter
 * @param kind operations that the function runs. Others are not recorded.
 */
export function observeExecution(
  original: Method,
  recorder: GraphqlRecorder,
  kind: OperationKind,
): Method {
  const start = guard(PART, (args: ExecutionArguments) => recorder.start(args, kind));
  const end = guard(PART, (call: GraphqlCall, result: unknown) =>
    recorder.end(call, readErrors(result)),
  );
  const fail = guard(PART, (call: GraphqlCall, error: unknown) =>
    recorder.end(call, [{ originalError: error, path: [] }]),
  );
  const execution: Method = function (this: unknown, ...args: unknown[]) {
    const call = start(args[0] as ExecutionArguments);
    if (call === undefined) return original.apply(this, args);
    let result: unknown;
    try {
      result = original.apply(this, args);
    } catch (error) {
      fail(call, error);
      throw error;
    }
    if (types.isPromise(result)) {
      return observePromise(
        result,
        (value) => end(call, value),
        (error) => fail(call, error),
      );
    }
    if (isThenable(result)) return result;
    end(call, result);
    return result;
  };
  copyFunctionProperties(original, execution);
  return execution;
}

/** Reads the errors of a result. The first part of an incremental result has its own errors. */
function readErrors(result: unknown): readonly GraphqlError[] {
  const { errors, initialResult } = (result ?? {}) as {
    errors?: unknown;
    initialResult?: { errors?: unknown };
  };
  const list = errors ?? initialResult?.errors;
  return Array.isArray(list) ? (list as GraphqlError[]) : [];
}
