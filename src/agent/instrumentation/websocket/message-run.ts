import { types } from 'node:util';
import { guard } from '../../../core/guard.ts';
import { setErrorOrigin } from '../context/error-origin.ts';
import { runRequest, type Tenant } from '../context/tenant-context.ts';
import { observePromise } from '../loading/method-patching.ts';
import { WEBSOCKET_METHOD } from '../requests/request-protocol.ts';
import type { RequestRecorder } from '../requests/request-recorder.ts';
import {
  createCallState,
  getCurrentRequestState,
  NO_REQUEST,
  type RequestState,
  type ServedCall,
} from '../requests/request-state.ts';

/** What fails, for {@link guard}. */
const PART = 'the metrics of WebSocket messages';

/** The message whose listeners run now. */
let currentRun: MessageRun | undefined;

/** What the messages of a connection have in common. */
export interface MessageSource {
  readonly recorder: RequestRecorder;
  readonly tenant: Tenant | undefined;
  readonly scheme: 'http' | 'https';
  /** The messages whose handlers haven't finished. Undefined until a handler waits for something. */
  pendingRuns: Set<MessageRun> | undefined;
}

/**
 * The handlers of one message, measured like a request. A message ends when all its listeners have returned, their
 * promises are settled, and the client got its acknowledgement, if it expects one.
 */
export class MessageRun implements ServedCall {
  readonly protocol = 'websocket';
  readonly isStream = false;
  readonly #state: RequestState;
  readonly #source: MessageSource;
  /** Number of listeners and acknowledgements to wait for. */
  #openCount = 1;
  #failed = false;
  /** Whether the listeners were called. */
  isStarted = false;

  /** @param name endpoint, such as `/chat message` */
  constructor(name: string, source: MessageSource) {
    this.#source = source;
    this.#state = createCallState(this, {
      method: WEBSOCKET_METHOD,
      scheme: source.scheme,
      request: NO_REQUEST,
      response: undefined,
      openRequests: undefined,
      isStreamRequest: false,
      tenant: source.tenant,
    });
    this.#state.route = name;
  }

  /** Returns the message to which the running code belongs. */
  static getCurrent(): MessageRun | undefined {
    const call = getCurrentRequestState()?.call;
    return call instanceof MessageRun ? call : undefined;
  }

  /** Runs code of the library in the context of the message. */
  run<T>(fn: () => T): T {
    return runRequest(this.#state, fn);
  }

  /** Calls all listeners of the message. Must be called once. */
  emit<T>(fn: () => T): T {
    const outer = currentRun;
    currentRun = this;
    this.isStarted = true;
    let isComplete = false;
    // With `catch`, Node.js would print another source line for an uncaught error.
    try {
      const result = this.run(fn);
      isComplete = true;
      return result;
    } finally {
      currentRun = outer;
      if (!isComplete) this.#failed = true;
      release(this);
    }
  }

  /** Waits for the promise of a listener. Returns a promise that settles like it, or another value unchanged. */
  track(result: unknown): unknown {
    if (!types.isPromise(result)) return result;
    hold(this);
    return observePromise(
      result,
      () => release(this),
      (error) => fail(this, error),
    );
  }

  /** Waits for one call of {@link release}. */
  hold(): void {
    this.#openCount += 1;
    if (this.#source.pendingRuns === undefined) this.#source.pendingRuns = new Set();
    this.#source.pendingRuns.add(this);
  }

  /** Ends the message if it waits for nothing else. */
  release(): void {
    this.#openCount -= 1;
    if (this.#openCount === 0) this.#end(this.#failed ? 'failed' : 'succeeded');
  }

  /** Stores the error of a listener, and ends its part of the message. */
  fail(error: unknown): void {
    this.#failed = true;
    setErrorOrigin(error, this.#state.route);
    this.release();
  }

  /** Ends the message because its connection has closed. */
  abort(): void {
    this.#end(this.#failed ? 'failed' : 'aborted');
  }

  #end(outcome: 'succeeded' | 'failed' | 'aborted'): void {
    this.#source.pendingRuns?.delete(this);
    this.#source.recorder.endCall(this.#state, this, outcome, undefined, undefined);
  }
}

export const hold = guard(PART, (run: MessageRun) => run.hold());
export const release = guard(PART, (run: MessageRun) => run.release());
export const fail = guard(PART, (run: MessageRun, error: unknown) => run.fail(error));

/** Ends all messages of a connection that has closed. */
export function abortRuns(source: MessageSource): void {
  for (const run of source.pendingRuns ?? []) run.abort();
  source.pendingRuns = undefined;
}

/** Passes the result of a listener to the message that it handles. */
export function trackResult(result: unknown): unknown {
  return currentRun === undefined ? result : currentRun.track(result);
}
