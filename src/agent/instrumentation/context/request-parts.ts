import {
  MAX_REQUEST_FUNCTIONS,
  MAX_REQUEST_PARTS,
  type RequestBreakdown,
  type RequestPart,
} from '../../../core/request-breakdown.ts';
import { OverheadLevel, overhead } from '../../overhead/overhead-level.ts';
import { type StallObserver, setRunner, takeBlockedMs } from './event-loop-stalls.ts';

/** An operation in progress, or one that has ended. */
export interface TimedOperation {
  readonly kind: RequestPart['kind'];
  /** Time from `performance.now()`. */
  readonly startMs: number;
  /** Fingerprint, host, or queue. Undefined until the operation has ended. */
  name?: string | undefined;
  /** Time from `performance.now()`. Undefined until the operation has ended. */
  endMs?: number | undefined;
  failed?: boolean;
}

/** A request whose operations are measured. */
export interface OperationOwner extends StallObserver {
  /** Start time from `performance.now()`. */
  readonly startMs: number;
  /** Whether the request is complete and recorded. Its later operations are ignored. */
  ended: boolean;
  /** Undefined until the first operation starts. */
  parts: RequestParts | undefined;
}

/** A statement that a request ran several times. */
export interface RepeatedStatement {
  /** Fingerprint. */
  readonly text: string;
  readonly count: number;
}

/** A statement that runs less often in a request is not reported as repeated. */
const MIN_REPETITIONS = 5;
/** Limits the memory of a request. Further statements are not counted as repeated. */
const MAX_STATEMENTS = 1000;

/**
 * The operations of a request. At each start and end of an operation, the time since the last change is
 * attributed. The time in which other code blocked the event loop is event loop wait. The rest is divided equally among
 * the kinds of operations in progress. Without any, it is the request's own time. The times add up to the duration.
 */
export class RequestParts implements RequestBreakdown {
  databaseTime = 0;
  databaseCalls = 0;
  outgoingTime = 0;
  outgoingCalls = 0;
  queueTime = 0;
  queueCalls = 0;
  connectionWaitTime = 0;
  eventLoopWaitTime = 0;

  readonly #owner: OperationOwner;
  #lastMs: number;
  #openDatabase = 0;
  #openOutgoing = 0;
  #openQueue = 0;
  #openConnection = 0;
  /** The first operations, in the order of their start. */
  readonly #operations: TimedOperation[] = [];
  #operationCount = 0;
  #functionCount = 0;
  /** The first statements that ended. Replaced by `#repetitions` when there are more. */
  #statements: string[] | undefined = [];
  #repetitions: Map<string, number> | undefined;

  constructor(owner: OperationOwner) {
    this.#owner = owner;
    this.#lastMs = owner.startMs;
  }

  start(operation: TimedOperation): void {
    this.#advance(operation.startMs);
    this.#operationCount += 1;
    if (
      this.#operations.length < MAX_REQUEST_PARTS &&
      overhead.level < OverheadLevel.NO_SAMPLE_PARTS
    )
      this.#operations.push(operation);
    switch (operation.kind) {
      case 'database':
        this.#openDatabase += 1;
        this.databaseCalls += 1;
        break;
      case 'outgoing':
        this.#openOutgoing += 1;
        this.outgoingCalls += 1;
        break;
      case 'queue':
        this.#openQueue += 1;
        this.queueCalls += 1;
        break;
      case 'connection':
        this.#openConnection += 1;
    }
    setRunner(undefined, operation.startMs);
  }

  /** Adds a traced function. It contains operations, so it doesn't change the times of the breakdown. */
  addStep(step: TimedOperation): void {
    this.#operationCount += 1;
    if (
      this.#functionCount >= MAX_REQUEST_FUNCTIONS ||
      this.#operations.length >= MAX_REQUEST_PARTS
    )
      return;
    this.#functionCount += 1;
    this.#operations.push(step);
  }

  /** @param count number of statements or calls of the operation */
  end(operation: TimedOperation, count: number, nowMs: number): void {
    this.#advance(nowMs);
    switch (operation.kind) {
      case 'database':
        this.#openDatabase -= 1;
        this.databaseCalls += count - 1;
        this.#countStatement(operation.name ?? '');
        break;
      case 'outgoing':
        this.#openOutgoing -= 1;
        this.outgoingCalls += count - 1;
        break;
      case 'queue':
        this.#openQueue -= 1;
        this.queueCalls += count - 1;
        break;
      case 'connection':
        this.#openConnection -= 1;
    }
    setRunner(this.#countOpenKinds() === 0 ? this.#owner : undefined, nowMs);
  }

  /** Attributes the time until the end of the request. Operations in progress end with it. */
  finish(nowMs: number): void {
    this.#advance(nowMs);
  }

  /** Returns the statement that ran most often, if it ran at least {@link MIN_REPETITIONS} times. */
  getMostRepeated(): RepeatedStatement | undefined {
    if (this.#repetitions === undefined) return undefined;
    let most: RepeatedStatement | undefined;
    for (const [text, count] of this.#repetitions) {
      if (count >= (most === undefined ? MIN_REPETITIONS : most.count + 1)) most = { text, count };
    }
    return most;
  }

  /** Returns the first operations. */
  toList(nowMs: number): RequestPart[] {
    const { startMs: requestStartMs } = this.#owner;
    return this.#operations.map(({ kind, name = '', startMs, endMs, failed = false }) => ({
      kind,
      name: name.slice(0, MAX_PART_NAME_LENGTH),
      start: roundMs(startMs - requestStartMs),
      duration: roundMs((endMs ?? nowMs) - startMs),
      failed,
    }));
  }

  /** Whether an operation is in progress. */
  get isWaiting(): boolean {
    return this.#countOpenKinds() > 0;
  }

  /** Number of operations that {@link toList} doesn't contain. */
  get omittedCount(): number {
    return this.#operationCount - this.#operations.length;
  }

  #advance(nowMs: number): void {
    const elapsedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    const blockedMs = Math.min(elapsedMs, Math.max(0, takeBlockedMs(this.#owner, nowMs)));
    this.eventLoopWaitTime += blockedMs;
    const kindCount = this.#countOpenKinds();
    if (kindCount === 0) return;
    const shareMs = (elapsedMs - blockedMs) / kindCount;
    if (this.#openDatabase > 0) this.databaseTime += shareMs;
    if (this.#openOutgoing > 0) this.outgoingTime += shareMs;
    if (this.#openQueue > 0) this.queueTime += shareMs;
    if (this.#openConnection > 0) this.connectionWaitTime += shareMs;
  }

  #countOpenKinds(): number {
    return (
      (this.#openDatabase > 0 ? 1 : 0) +
      (this.#openOutgoing > 0 ? 1 : 0) +
      (this.#openQueue > 0 ? 1 : 0) +
      (this.#openConnection > 0 ? 1 : 0)
    );
  }

  /** Most requests run only a few statements, and then need no map. */
  #countStatement(text: string): void {
    if (this.#statements !== undefined) {
      this.#statements.push(text);
      if (this.#statements.length < MIN_REPETITIONS) return;
      this.#repetitions = new Map();
      for (const each of this.#statements) this.#addRepetition(this.#repetitions, each);
      this.#statements = undefined;
    } else if (this.#repetitions !== undefined) this.#addRepetition(this.#repetitions, text);
  }

  #addRepetition(repetitions: Map<string, number>, text: string): void {
    const count = repetitions.get(text);
    if (count !== undefined || repetitions.size < MAX_STATEMENTS)
      repetitions.set(text, (count ?? 0) + 1);
  }
}

/** The names of all parts, escaped as JSON, fit into the tags of a row. */
const MAX_PART_NAME_LENGTH = 160;

/** Rounds to µs. */
function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
