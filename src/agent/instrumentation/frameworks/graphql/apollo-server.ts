import { guard } from '../../../../core/guard.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import type { Library } from '../../loading/library.ts';
import {
  copyFunctionProperties,
  type Method,
  observeMethod,
  observePromise,
} from '../../loading/method-patching.ts';
import { BATCH } from '../../requests/operation-name.ts';
import { getCurrentRequestState, type RequestState } from '../../requests/request-state.ts';
import { type DocumentNode, findOperation, REJECTED } from './graphql-document.ts';
import { type GraphqlError, GraphqlRecorder, leaveToServer } from './graphql-recorder.ts';

/** What fails, for {@link guard}. */
const PART = 'the Apollo Server instrumentation';

/** What Apollo Server knows about an operation. The properties are set while it handles the operation. */
interface RequestContext {
  readonly contextValue: unknown;
  readonly request: { readonly operationName?: string | null };
  /** Set if the document is valid. */
  readonly operation?: object | undefined;
  readonly document?: DocumentNode | undefined;
  readonly errors?: readonly GraphqlError[] | undefined;
}

/**
 * Measures operations where Apollo Server parses, validates, and executes them. A plugin isn't used, because plugins of
 * the application could see it.
 */
export const APOLLO_SERVER: Library = {
  name: '@apollo/server',
  category: 'api',
  versions: { from: '4.0.0', to: 5 },
  measured:
    'Types and names of operations, such as `/graphql query Rooms`, and their durations, also in batches. Requests with a rejected document are named `(invalid)`, and batches `(batch)`. Errors with the code `INTERNAL_SERVER_ERROR` mark the request as failed, and are stored by field.',
  bundledMessages: ['got to end of processGraphQLRequest without setting body?'],
  instrument: (context) => {
    const patchPipeline = createPipelinePatch(context);
    const patchServer = ({ ApolloServer }: Record<string, unknown>) =>
      observeMethod(PART, (ApolloServer as { prototype: object }).prototype, 'errorResponse', {
        before: (_server, [error]) => storeError(error as GraphqlError),
      });
    return {
      patches: {
        'dist/cjs/requestPipeline.js': patchPipeline,
        'dist/cjs/ApolloServer.js': (exports) => patchServer(exports as Record<string, unknown>),
      },
      modules: {
        'dist/esm/requestPipeline.js': { names: ['processGraphQLRequest'], patch: patchPipeline },
        'dist/esm/ApolloServer.js': { names: ['ApolloServer'], patch: patchServer },
      },
    };
  },
};

/** Apollo Server responds with `INTERNAL_SERVER_ERROR` to each error without a code. */
function isFailure({ extensions }: GraphqlError): boolean {
  return (extensions?.code ?? 'INTERNAL_SERVER_ERROR') === 'INTERNAL_SERVER_ERROR';
}

/** Stores an error that happened before or after an operation, such as an error of the context function. */
function storeError(error: GraphqlError): void {
  const state = getCurrentRequestState();
  if (state && isFailure(error)) state.thrown ??= error.originalError ?? error;
}

interface Call {
  readonly context: RequestContext;
  readonly startMs: number;
  readonly state: RequestState | undefined;
}

function createPipelinePatch(context: InstrumentationContext): (exports: unknown) => void {
  const recorder = GraphqlRecorder.get(context);
  const start = guard(PART, (requestContext: RequestContext): Call => {
    leaveToServer(requestContext.contextValue);
    return {
      context: requestContext,
      startMs: performance.now(),
      state: getCurrentRequestState(),
    };
  });
  const end = guard(PART, ({ context: requestContext, startMs, state }: Call) => {
    const { document, operation: node, request, errors = [] } = requestContext;
    const args = { document, operationName: request.operationName };
    const operation = (node && document && findOperation(document, args.operationName)) ?? REJECTED;
    recorder.record(operation, startMs, errors, isFailure);
    if (!state || state.ended) return;
    state.hasFramework = true;
    state.operation = state.operation === undefined ? operation.label : BATCH;
    if (errors.length > 0) recorder.storeErrors(state, args, errors, isFailure);
  });
  return (exports) => {
    const functions = exports as Record<string, Method>;
    const original = functions.processGraphQLRequest!;
    const process: Method = function (this: unknown, ...args: unknown[]) {
      const call = start(args[3] as RequestContext);
      const result = original.apply(this, args) as Promise<unknown>;
      if (call === undefined) return result;
      const onEnd = () => end(call);
      return observePromise(result, onEnd, onEnd);
    };
    copyFunctionProperties(original, process);
    functions.processGraphQLRequest = process;
  };
}
