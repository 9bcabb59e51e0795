import { OverheadLevel, overhead } from '../../overhead/overhead-level.ts';
import { type OperationOwner, RequestParts, type TimedOperation } from './request-parts.ts';
import { getCurrentScope, type Tenant } from './tenant-context.ts';

/** What the current request or job waits for. `connection` is the wait for a connection from a pool. */
export type OperationKind = TimedOperation['kind'];

/** An operation in progress, such as a statement or an outgoing call. */
export interface Operation extends TimedOperation {
  /** Tenant of the code that started the operation. */
  readonly tenant: Tenant | undefined;
  /** The request that the operation belongs to. */
  readonly owner?: OperationOwner | undefined;
  /** Whether the operation has ended. Set it with {@link endOperation}. */
  ended: boolean;
}

/** Starts an operation of the current request or job. The caller must end it exactly once, also if it fails. */
export function startOperation(kind: OperationKind): Operation {
  const scope = getCurrentScope();
  const holder = scope?.holder;
  const isMeasured =
    holder !== undefined && !holder.ended && overhead.level < OverheadLevel.NO_BREAKDOWN;
  const owner = isMeasured ? holder : undefined;
  const operation: Operation = {
    kind,
    startMs: performance.now(),
    tenant: scope?.tenant,
    owner,
    name: undefined,
    endMs: undefined,
    failed: false,
    ended: false,
  };
  if (owner !== undefined) {
    owner.parts ??= new RequestParts(owner);
    owner.parts.start(operation);
  }
  return operation;
}

/**
 * Ends an operation, and adds its time to the request that started it. Does nothing if the operation has ended.
 *
 * @param name fingerprint of the statement, host of the call, or name of the queue. Contains no values of users.
 * @param failed whether the operation failed
 * @param count number of statements or calls. Default: 1.
 */
export function endOperation(operation: Operation, name: string, failed: boolean, count = 1): void {
  if (operation.ended) return;
  operation.ended = true;
  const { owner } = operation;
  if (owner === undefined || owner.ended) return;
  operation.name = name;
  operation.failed = failed;
  operation.endMs = performance.now();
  owner.parts?.end(operation, count, operation.endMs);
}
