import { getCurrentTenant } from '../../context/tenant-context.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import { addOperationError } from '../../requests/operation-errors.ts';
import { NameLimit } from '../../requests/operation-name.ts';
import { getCurrentRequestState, type RequestState } from '../../requests/request-state.ts';
import { OperationRecorder } from '../operation-recorder.ts';
import {
  type DocumentNode,
  findOperation,
  type GraphqlOperation,
  REJECTED,
  type ResponsePath,
  toFieldPath,
} from './graphql-document.ts';

const INTERNAL_ERROR = 'INTERNAL_SERVER_ERROR';
/** Class of an error without a code. */
const NO_CODE = 'GraphQLError';

/** The application chooses the codes of its errors. */
const errorCodes = new NameLimit(100);

/** A GraphQL error. */
export interface GraphqlError {
  readonly path?: ResponsePath | undefined;
  /** What a resolver has thrown. */
  readonly originalError?: unknown;
  readonly extensions?: { readonly code?: unknown } | undefined;
}

/** Arguments of the functions that run an operation. */
export interface ExecutionArguments {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly contextValue?: unknown;
}

/** The operations that a function runs. */
export type OperationKind = 'subscription' | 'other' | 'all';

function isOfKind({ type }: GraphqlOperation, kind: OperationKind): boolean {
  return kind === 'all' || (kind === 'subscription') === (type === 'subscription');
}

/** A running operation. */
export interface GraphqlCall {
  readonly operation: GraphqlOperation;
  readonly args: ExecutionArguments;
  readonly startMs: number;
  readonly state: RequestState | undefined;
}

/** Stores the context of the operation that a request runs, in the state of the request. */
class RunningField extends ExistingObject {
  #contextValue: unknown;

  private constructor(state: object, contextValue: unknown) {
    super(state);
    this.#contextValue = contextValue;
  }

  static get(state: object): unknown {
    return #contextValue in state ? state.#contextValue : undefined;
  }

  static set(state: object, contextValue: unknown): void {
    if (#contextValue in state) state.#contextValue = contextValue;
    else new RunningField(state, contextValue);
  }
}

/** Contexts of operations that a server library measures itself. */
const measuredContexts = new WeakSet<object>();

/** The operations with this context are not measured when they run. */
export function leaveToServer(contextValue: unknown): void {
  if (typeof contextValue === 'object' && contextValue !== null) measuredContexts.add(contextValue);
}

/** Whether an error isn't the fault of the client. */
export function isUnexpected({ originalError, extensions }: GraphqlError): boolean {
  if (extensions?.code === INTERNAL_ERROR) return true;
  if (originalError === undefined || originalError === null) return false;
  return (originalError as { name?: unknown }).name !== 'GraphQLError';
}

/** Records operations, names the requests that run them, and stores their errors. */
export class GraphqlRecorder {
  static readonly #recorders = new WeakMap<object, GraphqlRecorder>();
  readonly #recorder: OperationRecorder;

  private constructor({ histograms }: InstrumentationContext) {
    this.#recorder = new OperationRecorder({
      histograms,
      metric: 'perfscope.graphql.operation.duration',
      description: 'Duration of GraphQL operations.',
      toAttributes: ({ type, name }) => ({
        ...(type !== undefined && { 'graphql.operation.type': type }),
        ...(name !== undefined && { 'graphql.operation.name': name }),
      }),
    });
  }

  /** Returns the recorder that all GraphQL libraries share. */
  static get(context: InstrumentationContext): GraphqlRecorder {
    const { histograms } = context;
    let recorder = GraphqlRecorder.#recorders.get(histograms);
    if (recorder === undefined) {
      recorder = new GraphqlRecorder(context);
      GraphqlRecorder.#recorders.set(histograms, recorder);
    }
    return recorder;
  }

  /**
   * Starts an operation, and names the request. Returns undefined if the operation is measured already, because another
   * operation with the same context runs it, or if it isn't of the given kind.
   */
  start(args: ExecutionArguments, kind: OperationKind): GraphqlCall | undefined {
    const { document, operationName, contextValue } = args;
    const hasContext = typeof contextValue === 'object' && contextValue !== null;
    if (hasContext && measuredContexts.has(contextValue)) return undefined;
    const state = getCurrentRequestState();
    if (state && hasContext && RunningField.get(state) === contextValue) return undefined;
    const operation = findOperation(document, operationName);
    if (operation === undefined || !isOfKind(operation, kind)) return undefined;
    if (state) {
      if (hasContext) RunningField.set(state, contextValue);
      state.hasFramework = true;
      state.operation ??= operation.label;
    }
    return { operation, args, startMs: performance.now(), state };
  }

  end({ operation, args, startMs, state }: GraphqlCall, errors: readonly GraphqlError[]): void {
    if (state && RunningField.get(state) === args.contextValue) RunningField.set(state, undefined);
    this.record(operation, startMs, errors, isUnexpected);
    if (errors.length > 0) this.storeErrors(state, args, errors, isUnexpected);
  }

  /**
   * Records an operation.
   *
   * @param startMs time from `performance.now()`
   * @param isFailure whether an error isn't the fault of the client
   */
  record(
    operation: GraphqlOperation,
    startMs: number,
    errors: readonly GraphqlError[],
    isFailure: (error: GraphqlError) => boolean,
  ): void {
    const errorType = errors.length === 0 ? undefined : toErrorType(errors, isFailure);
    this.#recorder.record(operation, performance.now() - startMs, getCurrentTenant(), errorType);
  }

  /** Records an operation whose document was rejected. */
  recordRejected(startMs: number, errors: readonly GraphqlError[]): void {
    this.record(REJECTED, startMs, errors, isUnexpected);
  }

  /** Stores the unexpected errors in the state of the request. */
  storeErrors(
    state: RequestState | undefined,
    args: Partial<ExecutionArguments>,
    errors: readonly GraphqlError[],
    isFailure: (error: GraphqlError) => boolean,
  ): void {
    if (!state || state.ended) return;
    const { document, operationName } = args;
    for (const error of errors) {
      if (!isFailure(error)) continue;
      const path = document && error.path ? toFieldPath(document, operationName, error.path) : '';
      addOperationError(state, { path, thrown: error.originalError ?? error });
    }
  }
}

function toErrorType(
  errors: readonly GraphqlError[],
  isFailure: (error: GraphqlError) => boolean,
): string {
  if (errors.some(isFailure)) return INTERNAL_ERROR;
  const code = errors[0]?.extensions?.code;
  return typeof code === 'string' ? errorCodes.limit(code) : NO_CODE;
}
