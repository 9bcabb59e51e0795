import type { LambdaEnvironment } from '../../core/config/lambda-environment.ts';
import { guard, startTask } from '../../core/guard.ts';
import { startTimeout } from '../../core/guarded-timers.ts';
import { runRequest } from '../instrumentation/context/tenant-context.ts';
import type { TenantReader } from '../instrumentation/context/tenant-reader.ts';
import type { HistogramRegistry } from '../instrumentation/histograms/histogram-registry.ts';
import type { RequestRecorder } from '../instrumentation/requests/request-recorder.ts';
import { FaasMetrics, type InvocationOutcome } from './faas-metrics.ts';
import { readLambdaEvent } from './lambda-event.ts';
import { type FlushedAgent, LambdaFlusher } from './lambda-flusher.ts';
import { type InvocationRecorders, LambdaInvocation } from './lambda-invocation.ts';

/** What fails, for {@link guard}. */
const PART = 'the invocations of the function';
/** Time before the time limit of an invocation at which it is recorded and sent, in ms. */
const TIMEOUT_MARGIN_MS = 100;

export interface LambdaMonitorOptions {
  readonly environment: LambdaEnvironment;
  readonly histograms: HistogramRegistry;
  readonly requests: RequestRecorder;
  readonly tenantReader: TenantReader;
  readonly agent: FlushedAgent;
  /** Maximum time to send the rows of an invocation, in ms. */
  readonly flushTimeoutMs: number;
}

/** The part of the context of an invocation that the agent uses. */
interface LambdaContext {
  getRemainingTimeInMillis?(): unknown;
}

/** Records the invocations of the AWS Lambda function that this process runs, and sends their rows. */
export class LambdaMonitor {
  readonly #options: LambdaMonitorOptions;
  readonly #recorders: InvocationRecorders;
  readonly #flusher: LambdaFlusher;
  #open: LambdaInvocation | undefined;
  #isColdStart = true;
  /** Time from the start of the process until the handler was loaded. */
  #initMs = 0;

  constructor(options: LambdaMonitorOptions) {
    this.#options = options;
    this.#recorders = { requests: options.requests, faas: new FaasMetrics(options.histograms) };
    this.#flusher = new LambdaFlusher(options.agent);
  }

  /** Must be called when the handler was loaded. */
  markInitialized(): void {
    if (this.#initMs === 0) this.#initMs = performance.now();
  }

  /** Starts an invocation. Returns undefined after a failure. */
  readonly start = guard(PART, (event: unknown, context: unknown): LambdaInvocation => {
    const { environment, tenantReader } = this.#options;
    const read = readLambdaEvent(event, environment.functionName);
    const tenant = tenantReader.readTenant({ ...read });
    // If a handler without a promise never calls back, the runtime starts the next invocation.
    this.#open?.end('succeeded', undefined, undefined);
    const invocation = new LambdaInvocation(this.#recorders, read, tenant);
    this.#open = invocation;
    if (this.#isColdStart) this.#recorders.faas.recordColdStart(read.trigger, this.#initMs);
    this.#isColdStart = false;
    const remainingMs = getRemainingMs(context);
    if (remainingMs !== undefined && remainingMs > TIMEOUT_MARGIN_MS) {
      const end = () => this.#endAtTimeLimit(invocation);
      invocation.timer = startTimeout(PART, end, remainingMs - TIMEOUT_MARGIN_MS);
    }
    return invocation;
  });

  /** Runs the code of a handler in the context of its invocation. */
  run<T>(invocation: LambdaInvocation, fn: () => T): T {
    return runRequest(invocation.state, fn);
  }

  /** Records an invocation. Only the first call for an invocation has an effect. */
  readonly end = guard(
    PART,
    (
      invocation: LambdaInvocation,
      outcome: InvocationOutcome,
      result: unknown,
      thrown: unknown,
    ): void => {
      invocation.end(outcome, result, thrown);
      if (this.#open === invocation) this.#open = undefined;
    },
  );

  /**
   * Sends all rows. Never rejects.
   *
   * @param timeoutMs time limit, in ms. Default: the setting. It never exceeds the remaining time of the invocation.
   */
  async flush(context: unknown, timeoutMs = this.#options.flushTimeoutMs): Promise<void> {
    const remainingMs = getRemainingMs(context) ?? Number.POSITIVE_INFINITY;
    await this.#flusher.flush(Math.min(timeoutMs, remainingMs - TIMEOUT_MARGIN_MS));
  }

  /** Records the invocation in progress, because the process ends or has nothing more to do. */
  endOpenInvocation(outcome: InvocationOutcome): void {
    if (this.#open) this.end(this.#open, outcome, undefined, undefined);
  }

  #endAtTimeLimit(invocation: LambdaInvocation): void {
    this.end(invocation, 'timeout', undefined, new LambdaTimeout());
    startTask(PART, () => this.#flusher.flush(TIMEOUT_MARGIN_MS));
  }
}

/** The error of an invocation that reached its time limit. */
class LambdaTimeout extends Error {
  override name = 'LambdaTimeout';

  constructor() {
    super('The invocation reached its time limit.');
    this.stack = undefined as never;
  }
}

function getRemainingMs(context: unknown): number | undefined {
  try {
    const remainingMs = (context as LambdaContext | undefined)?.getRemainingTimeInMillis?.();
    return typeof remainingMs === 'number' && Number.isFinite(remainingMs)
      ? remainingMs
      : undefined;
  } catch {
    return undefined;
  }
}
