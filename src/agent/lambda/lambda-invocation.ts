import type { Tenant } from '../instrumentation/context/tenant-context.ts';
import type { RequestRecorder } from '../instrumentation/requests/request-recorder.ts';
import {
  createRequestState,
  type RequestState,
} from '../instrumentation/requests/request-state.ts';
import type { FaasMetrics, InvocationOutcome } from './faas-metrics.ts';
import type { LambdaEvent } from './lambda-event.ts';

/** Status of the gateway's response if the function fails, and if it reaches its time limit. */
const FAILED_STATUS = 502;
const TIMEOUT_STATUS = 504;

export interface InvocationRecorders {
  readonly requests: RequestRecorder;
  readonly faas: FaasMetrics;
}

/** An invocation of a function, which is recorded as a request and in the metrics of functions. */
export class LambdaInvocation {
  readonly state: RequestState;
  readonly #recorders: InvocationRecorders;
  readonly #event: LambdaEvent;
  readonly #startCpu = process.cpuUsage();
  /** Ends the invocation shortly before its time limit. */
  timer: NodeJS.Timeout | undefined;

  constructor(recorders: InvocationRecorders, event: LambdaEvent, tenant: Tenant | undefined) {
    this.#recorders = recorders;
    this.#event = event;
    this.state = createRequestState(this, {
      method: event.method ?? '_OTHER',
      scheme: 'https',
      request: { headers: event.headers },
      response: undefined,
      isStreamRequest: false,
      tenant,
      openRequests: undefined,
    });
    this.state.route = event.route;
  }

  get ended(): boolean {
    return this.state.ended;
  }

  /**
   * Records the invocation. Only the first call has an effect.
   *
   * @param result what the handler returned
   * @param thrown what the handler threw, if it failed
   */
  end(outcome: InvocationOutcome, result: unknown, thrown: unknown): void {
    if (this.ended) return;
    clearTimeout(this.timer);
    const { state } = this;
    const { trigger, method } = this.#event;
    const { user, system } = process.cpuUsage(this.#startCpu);
    const durationMs = performance.now() - state.startMs;
    const failed = outcome !== 'succeeded';
    if (failed) {
      state.hasFailedAfterHeaders = true;
      state.thrown = thrown;
    }
    const status = method === undefined ? undefined : getStatus(outcome, result);
    this.#recorders.faas.recordInvocation(trigger, outcome, durationMs, user + system);
    this.#recorders.requests.end(state, 'finished', status, false, undefined);
  }
}

/** Returns the status of the gateway's response. It is 200 if the handler returns none. */
function getStatus(outcome: InvocationOutcome, result: unknown): number {
  if (outcome === 'timeout') return TIMEOUT_STATUS;
  if (outcome === 'failed') return FAILED_STATUS;
  const { statusCode } = (result ?? {}) as { statusCode?: unknown };
  const status = Number(statusCode ?? 200);
  return status >= 100 && status < 1000 ? Math.trunc(status) : 200;
}
