import { guard } from '../../../../core/guard.ts';
import { getCurrentTenant } from '../../context/tenant-context.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import type { Library } from '../../loading/library.ts';
import {
  copyFunctionProperties,
  type Method,
  observeMethod,
  observePromise,
  wrapMethod,
} from '../../loading/method-patching.ts';
import { addOperationError } from '../../requests/operation-errors.ts';
import { BATCH } from '../../requests/operation-name.ts';
import { getCurrentRequestState, type RequestState } from '../../requests/request-state.ts';
import { type NamedOperation, OperationRecorder } from '../operation-recorder.ts';
import { isProcedureRequest, replaceResolver } from './trpc-request.ts';

/** What fails, for {@link guard}. */
const PART = 'the tRPC instrumentation';

/** Code of an error that isn't the client's fault. */
const INTERNAL_ERROR = 'INTERNAL_SERVER_ERROR';

interface TrpcError {
  readonly code?: unknown;
  readonly cause?: unknown;
}

/** The argument of a procedure. */
interface ProcedureOptions {
  /** Path of the procedure in the router, such as `rooms.byId`. */
  readonly path: string;
  readonly type: string;
}

/** What a middleware gets. */
interface MiddlewareOptions extends ProcedureOptions {
  next(): Promise<{ readonly ok: boolean; readonly error?: TrpcError }>;
}

/** Creates procedures with its methods `query`, `mutation`, and `subscription`. Its other methods return builders. */
interface ProcedureBuilder {
  use(middleware: (options: MiddlewareOptions) => unknown): ProcedureBuilder;
}

/** The object that `initTRPC.create()` returns. */
interface TrpcRoot {
  procedure: ProcedureBuilder;
}

/**
 * Wraps the procedures that the builders create, so clients can't create names. A middleware would take nine times as
 * long, because tRPC copies its options. All adapters for HTTP call one function, see `trpc-request.ts`.
 */
export const TRPC: Library = {
  name: '@trpc/server',
  category: 'api',
  versions: { from: '10.0.0', to: 11 },
  measured:
    'Types and paths of procedures, such as `/trpc query rooms.byId`, durations of each procedure in a batch, and causes of internal errors. Errors with other codes are not failures.',
  limits:
    'A batch of several procedures is named `(batch)`. The duration of a subscription is the time until it starts.',
  bundledMessages: ['No result from middlewares - did you forget to `return next()`?'],
  instrument: (context) => {
    const patchRoot = createRootPatch(context);
    const patchModule = ({ initTRPC }: Record<string, unknown>) => patchRoot({ initTRPC });
    const root = { names: ['initTRPC'], patch: patchModule };
    return {
      patches: { '': patchRoot, ...replaceResolver.patches },
      modules: {
        'dist/index.mjs': root,
        // In version 11, the main file only exports the builder.
        'dist/initTRPC-*.mjs': root,
        'dist/unstable-core-do-not-import/initTRPC.mjs': root,
        ...replaceResolver.modules,
      },
    };
  },
};

/** Builders that were loaded with `require` and `import`, and through several files. */
const patchedBuilders = new WeakSet<object>();

function createRootPatch(context: InstrumentationContext): (exports: unknown) => undefined {
  const observeBuilder = createBuilderObserver(context);
  return (exports) => {
    const { initTRPC } = exports as { initTRPC?: object };
    if (initTRPC === undefined) return;
    const prototype = Object.getPrototypeOf(initTRPC) as object;
    if (patchedBuilders.has(prototype)) return;
    observeMethod(PART, prototype, 'create', {
      after: (_builder, result: TrpcRoot) => {
        observeBuilder(result.procedure);
      },
    });
    patchedBuilders.add(prototype);
  };
}

/** A running procedure. */
interface ProcedureCall {
  readonly procedure: NamedOperation;
  readonly startMs: number;
  /** The request that called the procedure. Undefined for calls by the application. */
  readonly state: RequestState | undefined;
}

/** Returns a function that measures the procedures that a builder creates. */
function createBuilderObserver({ histograms }: InstrumentationContext) {
  const recorder = new OperationRecorder({
    histograms,
    metric: 'perfscope.trpc.procedure.duration',
    description: 'Duration of tRPC procedures.',
    toAttributes: ({ type, name }) => ({
      'rpc.system.name': 'trpc',
      'rpc.method': name,
      'perfscope.trpc.procedure.type': type,
    }),
  });
  const procedures = new Map<string, NamedOperation>();
  const getProcedure = (type: string, name: string): NamedOperation => {
    const key = `${type} ${name}`;
    let procedure = procedures.get(key);
    if (procedure === undefined) {
      procedure = { type, name };
      procedures.set(key, procedure);
    }
    return procedure;
  };

  const start = guard(PART, (options?: ProcedureOptions): ProcedureCall | undefined => {
    const { path, type } = options ?? {};
    // The application can call a procedure without tRPC, which then fails.
    if (path === undefined || type === undefined) return undefined;
    const current = getCurrentRequestState();
    const kind = current && isProcedureRequest(current);
    if (kind !== undefined) current!.operation ??= kind === 'batch' ? BATCH : `${type} ${path}`;
    const state = kind && current;
    return { procedure: getProcedure(type, path), startMs: performance.now(), state };
  });
  const end = guard(PART, (call: ProcedureCall, error: TrpcError | undefined) => {
    const { procedure, startMs, state } = call;
    const code = error && String(error.code ?? INTERNAL_ERROR);
    recorder.record(procedure, performance.now() - startMs, getCurrentTenant(), code);
    if (error && code === INTERNAL_ERROR && state && !state.ended) {
      addOperationError(state, { path: procedure.name!, thrown: error.cause ?? error });
    }
  });

  const observeProcedure = (original: Method): Method => {
    const procedure: Method = function (this: unknown, ...args: unknown[]) {
      const call = start(args[0] as ProcedureOptions | undefined);
      const result = original.apply(this, args) as Promise<unknown>;
      if (call === undefined) return result;
      return observePromise(
        result,
        () => end(call, undefined),
        (error) => end(call, (error ?? {}) as TrpcError),
      );
    };
    copyFunctionProperties(original, procedure);
    return procedure;
  };

  const middleware = (options: MiddlewareOptions): unknown => {
    const call = start(options);
    const result = options.next();
    if (call === undefined) return result;
    return observePromise(
      result,
      ({ ok, error }) => end(call, ok ? undefined : (error ?? {})),
      (error) => end(call, (error ?? {}) as TrpcError),
    );
  };

  /** Replaces what a method of a builder returns: a procedure or another builder. */
  const observeResult = guard(PART, (name: string, result: unknown): unknown => {
    if (typeof result === 'function') return observeProcedure(result as Method);
    // Its procedures are called with arguments of the application.
    if (name === 'experimental_caller') return (result as ProcedureBuilder).use(middleware);
    observeBuilder(result as ProcedureBuilder);
    return result;
  });

  const observeBuilder = (builder: ProcedureBuilder): void => {
    for (const [name, method] of Object.entries(builder)) {
      if (typeof method !== 'function') continue;
      wrapMethod(builder, name, (original) => {
        return function (this: unknown, ...args: unknown[]) {
          const result = original.apply(this, args) as unknown;
          return observeResult(name, result) ?? result;
        };
      });
    }
  };
  return observeBuilder;
}
