/**
 * Times of a request's parts, in ms or in the unit of a histogram. Together with the request's own time, they add
 * up to its duration. If several kinds of operations run at the same time, each gets an equal share of the time.
 */
export interface RequestBreakdown {
  databaseTime: number;
  databaseCalls: number;
  outgoingTime: number;
  outgoingCalls: number;
  queueTime: number;
  queueCalls: number;
  /** Time until a pool provided a connection, and until a new connection was open. */
  connectionWaitTime: number;
  /** Time in which the event loop was blocked by other code. */
  eventLoopWaitTime: number;
}

/** Creates the breakdown of a request without operations. */
export function createEmptyBreakdown(): RequestBreakdown {
  return {
    databaseTime: 0,
    databaseCalls: 0,
    outgoingTime: 0,
    outgoingCalls: 0,
    queueTime: 0,
    queueCalls: 0,
    connectionWaitTime: 0,
    eventLoopWaitTime: 0,
  };
}

/**
 * An operation of a sampled request, or a function that the application traces. A function isn't part of the
 * breakdown, because it contains operations.
 */
export interface RequestPart {
  readonly kind: 'database' | 'outgoing' | 'queue' | 'connection' | 'function';
  /**
   * Fingerprint of the statement, host of the call, name of the queue, or name of the function. Empty if the operation
   * was still running.
   */
  readonly name: string;
  /** Time from the start of the request to the start of the operation, in ms. */
  readonly start: number;
  /** Duration in ms. An operation that ran longer than the request ends with the request. */
  readonly duration: number;
  readonly failed: boolean;
}

/** Maximum number of operations that a sampled request lists. */
export const MAX_REQUEST_PARTS = 50;
/** Maximum number of traced functions among them, so that a loop doesn't hide the operations. */
export const MAX_REQUEST_FUNCTIONS = 20;
/** Tags of a sampled request: its operations, and the number of further operations. */
export const REQUEST_PARTS_TAG = 'parts';
export const OMITTED_PARTS_TAG = 'parts_omitted';

/** Histogram of the most repeated statement of each request that repeated one at least 5 times. */
export const REPEATED_STATEMENTS_METRIC_NAME = 'perfscope.request.repeated_statements';

/** Histogram of the functions that the application traces, by `code.function.name`. */
export const FUNCTION_DURATION_METRIC_NAME = 'perfscope.function.duration';
