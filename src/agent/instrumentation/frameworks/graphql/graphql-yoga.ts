import { guard } from '../../../../core/guard.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import type { Library } from '../../loading/library.ts';
import { copyFunctionProperties, type Method } from '../../loading/method-patching.ts';
import { BATCH, INVALID } from '../../requests/operation-name.ts';
import { getCurrentRequestState } from '../../requests/request-state.ts';
import { observeExecution } from './graphql.ts';
import { type GraphqlError, GraphqlRecorder, isUnexpected } from './graphql-recorder.ts';

/** What fails, for {@link guard}. */
const PART = 'the GraphQL Yoga instrumentation';

/** Names requests with several operations or a rejected document, just before Yoga creates the response. */
export const GRAPHQL_YOGA: Library = {
  name: 'graphql-yoga',
  category: 'api',
  versions: { from: '3.0.0', to: 5 },
  measured:
    'Types and names of operations, such as `/graphql query Rooms`, also in batches and over server-sent events. Requests with a rejected document are named `(invalid)`, and batches `(batch)`. Errors that Yoga masks mark the request as failed, and are stored by field.',
  limits: 'The duration of a subscription is the time until it starts.',
  bundledMessages: ['Multipart form field "operations" must be a valid JSON string'],
  instrument: (context) => {
    const patch = createResultPatch(context);
    return {
      patches: { 'cjs/process-request.js': patch },
      modules: { 'esm/process-request.js': { names: ['processResult'], patch } },
    };
  },
};

/** Yoga runs operations with its own executor, before it masks their errors. */
export const GRAPHQL_EXECUTOR: Library = {
  name: '@graphql-tools/executor',
  category: 'api',
  versions: { from: '0.0.10', to: 2 },
  partOf: 'graphql-yoga',
  measured: 'Operations of GraphQL Yoga.',
  instrument: (context) => {
    const recorder = GraphqlRecorder.get(context);
    const patch = (exports: unknown) => {
      const functions = exports as Record<string, Method>;
      functions.normalizedExecutor = observeExecution(
        functions.normalizedExecutor!,
        recorder,
        'all',
      );
    };
    return {
      patches: { 'cjs/execution/normalizedExecutor.js': patch },
      modules: {
        'esm/execution/normalizedExecutor.js': { names: ['normalizedExecutor'], patch },
      },
    };
  },
};

/** A result of an operation, or of a rejected document. */
interface Result {
  readonly data?: unknown;
  readonly errors?: readonly GraphqlError[];
}

function createResultPatch(context: InstrumentationContext): (exports: unknown) => void {
  const recorder = GraphqlRecorder.get(context);
  const nameRequest = guard(PART, ({ result }: { result?: Result | readonly Result[] }) => {
    const state = getCurrentRequestState();
    if (state === undefined) return;
    state.hasFramework = true;
    const results = Array.isArray(result) ? (result as readonly Result[]) : [result as Result];
    if (results.length > 1) state.operation = BATCH;
    for (const each of results) {
      const errors = each?.errors;
      // An operation that has run is measured already.
      if (!Array.isArray(errors) || each.data !== undefined || wasExecuted(state.operation))
        continue;
      const isFailure = errors.some(isUnexpected);
      if (isFailure) recorder.storeErrors(state, {}, errors, isUnexpected);
      else state.operation ??= INVALID;
      recorder.recordRejected(state.startMs, errors);
    }
  });
  return (exports) => {
    const functions = exports as Record<string, Method>;
    const original = functions.processResult!;
    const processResult: Method = function (this: unknown, ...args: unknown[]) {
      nameRequest(args[0] as never);
      return original.apply(this, args);
    };
    copyFunctionProperties(original, processResult);
    functions.processResult = processResult;
  };
}

function wasExecuted(operation: string | undefined): boolean {
  return operation !== undefined && operation !== BATCH && operation !== INVALID;
}
