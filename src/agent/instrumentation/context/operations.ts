import { OverheadLevel, overhead } from '../../overhead/overhead-level.ts';
import { isJobRun } from './caller.ts';
import { markEvent, markOtherCode } from './event-loop-blocks.ts';
import { setRunner } from './event-loop-stalls.ts';
import { type OperationOwner, RequestParts, type TimedOperation } from './request-parts.ts';
import { type Caller, getCurrentScope, type Tenant, type TenantScope } from './tenant-context.ts';

/** What the current request or job waits for. `connection` is the wait for a connection from a pool. */
export type OperationKind = Exclude<TimedOperation['kind'], 'function'>;

/** An operation in progress, such as a statement or an outgoing call. */
export interface Operation extends TimedOperation {
  /** Tenant of the code that started the operation. */
  readonly tenant: Tenant | undefined;
  /** The request that the operation belongs to. */
  readonly owner?: OperationOwner | undefined;
  /** The request or job whose code started the operation. */
  readonly caller?: Caller | undefined;
  /** Whether the operation has ended. Set it with {@link endOperation}. */
  ended: boolean;
}

/** Starts an operation of the current request or job. The caller must end it exactly once, also if it fails. */
export function startOperation(kind: OperationKind): Operation {
  return start(kind, getCurrentScope());
}

/**
 * Starts an operation that blocks the event loop, such as a statement of SQLite. Its time belongs to the operation, and
 * isn't event loop wait of its request.
 */
export function startSynchronousOperation(kind: OperationKind): Operation {
  const operation = start(kind, getCurrentScope());
  const { owner, startMs } = operation;
  if (owner !== undefined) setRunner(owner, startMs);
  return operation;
}

/** Starts an operation that belongs to no request or job, such as a connection attempt of a client. */
export function startBackgroundOperation(kind: OperationKind): Operation {
  return start(kind, undefined);
}

/**
 * Starts an operation inside another one, such as the connection attempt of a pool for a caller that waits. Its time
 * isn't added to the request, because the other operation includes it.
 */
export function startInnerOperation(kind: OperationKind): Operation {
  return start(kind, { tenant: getCurrentScope()?.tenant, holder: undefined });
}

/** Starts an operation of the request that started `previous`, from a callback that can run outside that request. */
export function startNextOperation(previous: Operation, kind: OperationKind): Operation {
  const operation = create(kind, previous.tenant, previous.owner, previous.caller);
  begin(operation);
  return operation;
}

function start(kind: OperationKind, scope: TenantScope | undefined): Operation {
  const request = scope?.holder;
  const isMeasured =
    request !== undefined && !request.ended && overhead.level < OverheadLevel.NO_BREAKDOWN;
  const owner = isMeasured ? request : undefined;
  const operation = create(kind, scope?.tenant, owner, request ?? scope?.job);
  begin(operation);
  return operation;
}

function create(
  kind: OperationKind,
  tenant: Tenant | undefined,
  owner: OperationOwner | undefined,
  caller: Caller | undefined,
): Operation {
  return {
    kind,
    startMs: performance.now(),
    tenant,
    owner: owner?.ended === true ? undefined : owner,
    caller,
    name: undefined,
    endMs: undefined,
    failed: false,
    ended: false,
  };
}

function begin(operation: Operation): void {
  const { owner, caller, startMs } = operation;
  markEvent(caller, startMs, false);
  if (owner !== undefined) {
    owner.parts ??= new RequestParts(owner);
    owner.parts.start(operation);
  } else if (caller !== undefined && isJobRun(caller)) caller.openOperations += 1;
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
  const { owner, caller } = operation;
  if (owner !== undefined) {
    if (owner.ended) {
      markOtherCode();
      return;
    }
    operation.name = name;
    operation.failed = failed;
    operation.endMs = performance.now();
    owner.parts?.end(operation, count, operation.endMs);
    markEvent(caller, operation.endMs, owner.parts?.isWaiting === false);
  } else if (caller !== undefined && isJobRun(caller)) {
    caller.openOperations -= 1;
    markEvent(caller, performance.now(), caller.openOperations === 0 && !caller.ended);
  } else markOtherCode();
}
