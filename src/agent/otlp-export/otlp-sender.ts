import { withTimeout } from '../../core/concurrency.ts';
import type { OtlpSettings } from '../../core/config/otlp-settings.ts';
import { delay } from '../../core/delay.ts';
import { startTask } from '../../core/guard.ts';
import { startTimeout } from '../../core/guarded-timers.ts';
import { HttpClient } from '../../core/http/http-client.ts';
import type { HttpResponse } from '../../core/http/http-connection.ts';
import type { TlsCertificates } from '../../core/http/http-socket.ts';
import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { VERSION } from '../../core/version.ts';
import { OtlpReporter } from './otlp-reporter.ts';
import {
  describeFailure,
  getPathAdvice,
  isRetryable,
  parsePartialSuccess,
  parseRetryAfter,
} from './otlp-response.ts';

/** What fails, for `guard`. */
export const OTLP_PART = 'the OTLP export';
/** Maximum size of all requests that wait, in bytes. */
const MAX_QUEUE_BYTES = 16 * 1024 * 1024;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;
const MAX_RESPONSE_BYTES = 1024 * 1024;
const CONTENT_TYPES = { protobuf: 'application/x-protobuf', json: 'application/json' } as const;

/**
 * Why points were dropped:
 * - `queue_full`: the requests that wait for the endpoint reached their size limit.
 * - `rejected`: the endpoint rejected them, so that a retry can't succeed.
 * - `process_exit`: the process ended before they were sent.
 */
export type OtlpDropReason = 'queue_full' | 'rejected' | 'process_exit';

export interface OtlpSenderOptions {
  readonly settings: OtlpSettings;
  readonly tls: TlsCertificates | undefined;
  readonly log: Logger;
  /** Called when points were dropped. Must not throw. */
  readonly onDrop: (reason: OtlpDropReason, points: number) => void;
  /** Called when points were accepted. Must not throw. */
  readonly onSent: (points: number) => void;
  /** Returns a number from 0 to 1. Default: `Math.random`. */
  readonly random?: () => number;
}

interface QueuedRequest {
  body: Buffer;
  readonly points: number;
  isCompressed: boolean;
}

type Outcome = 'done' | 'retry';

/**
 * Sends requests in the order in which they were added, one at a time. A request that fails for the moment is sent again,
 * so that no delta is lost. Doesn't keep the process alive.
 */
export class OtlpSender {
  readonly #options: OtlpSenderOptions;
  readonly #client: HttpClient;
  readonly #reporter: OtlpReporter;
  readonly #queue: QueuedRequest[] = [];
  #queueBytes = 0;
  #running: Promise<Outcome> | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  /** Monotonic time before which the endpoint accepts no request. */
  #pausedUntilMs = 0;
  #isClosed = false;

  constructor(options: OtlpSenderOptions) {
    const { settings, tls, log } = options;
    this.#options = options;
    this.#client = new HttpClient({ keepsProcessAlive: false, tls });
    this.#reporter = new OtlpReporter(settings.url, log);
  }

  get hasPending(): boolean {
    return this.#queue.length > 0;
  }

  /** Adds a request to the queue. If the queue is too large, its oldest requests are dropped. */
  add(body: Buffer, points: number): void {
    this.#queue.push({ body, points, isCompressed: false });
    this.#queueBytes += body.length;
    // A request that is being sent stays.
    const first = this.#running ? 1 : 0;
    while (this.#queueBytes > MAX_QUEUE_BYTES && this.#queue.length > first + 1) {
      this.#remove(first, 'queue_full');
    }
    if (!this.#retryTimer && !this.#running) startTask(OTLP_PART, () => this.#sendAll());
  }

  /**
   * Sends all requests for up to `timeoutMs`. Never rejects.
   *
   * @param options.retry whether to repeat failed requests in this time
   */
  async drain(timeoutMs: number, { retry }: { retry: boolean }): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    this.#stopTimer();
    while (this.hasPending && !this.#isClosed) {
      const waitMs = this.#pausedUntilMs - performance.now();
      const remainingMs = endMs - performance.now();
      if (Math.max(0, waitMs) >= remainingMs) return;
      if (waitMs > 0) await delay(waitMs, { keepAlive: false });
      const outcome = await withTimeout(
        remainingMs,
        this.#sendFirst(remainingMs),
        () => 'timeout' as const,
        { keepAlive: false },
      );
      if (outcome === 'timeout') {
        this.#reporter.reportFailure(`no response within ${Math.round(timeoutMs) / 1000} s`);
        return;
      }
      if (outcome === 'retry' && !retry) return;
      if (outcome === 'retry') await delay(this.#getRetryDelay(), { keepAlive: false });
    }
  }

  /** Drops the requests that were not sent. Running requests are canceled. */
  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
    while (this.#queue.length > 0) this.#remove(0, 'process_exit');
    this.#client.close();
  }

  async #sendAll(): Promise<void> {
    while (this.hasPending && !this.#isClosed && !this.#retryTimer) {
      if ((await this.#sendFirst()) === 'done') continue;
      const delayMs = Math.max(this.#getRetryDelay(), this.#pausedUntilMs - performance.now());
      this.#stopTimer();
      this.#retryTimer = startTimeout(
        OTLP_PART,
        () => {
          this.#retryTimer = undefined;
          return this.#sendAll();
        },
        delayMs,
      );
    }
  }

  #stopTimer(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
  }

  /** Exponential backoff with jitter. */
  #getRetryDelay(): number {
    const delayMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, this.#failures - 1));
    return delayMs * (0.5 + (this.#options.random ?? Math.random)() / 2);
  }

  /** Sends the oldest request, or waits for it if it is being sent. */
  #sendFirst(timeoutMs = Number.POSITIVE_INFINITY): Promise<Outcome> {
    this.#running ??= this.#send(timeoutMs).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #send(timeoutMs: number): Promise<Outcome> {
    const request = this.#queue[0];
    if (!request) return 'done';
    const { settings } = this.#options;
    try {
      if (settings.isCompressed && !request.isCompressed) await this.#compress(request);
      const { body, isCompressed } = request;
      const limit = Math.min(settings.timeoutMs, timeoutMs);
      const response = await postMetrics(this.#client, settings, { body, isCompressed }, limit);
      return this.#handle(response, request);
    } catch (error) {
      if (this.#isClosed) return 'retry';
      this.#failures++;
      this.#reporter.reportFailure(errorMessage(error) || 'the connection failed');
      return 'retry';
    }
  }

  #handle(response: HttpResponse, { points }: QueuedRequest): Outcome {
    const { status, headers } = response;
    if (isRetryable(status)) {
      this.#failures++;
      const waitMs = parseRetryAfter(headers.get('retry-after'), Date.now());
      if (waitMs !== undefined) this.#pausedUntilMs = performance.now() + waitMs;
      this.#reporter.reportFailure(describeFailure(response));
      return 'retry';
    }
    this.#failures = 0;
    if (status >= 200 && status < 300) {
      const partial = parsePartialSuccess(response);
      const rejected = Math.min(points, partial?.rejected ?? 0);
      if (partial) this.#reporter.reportPartialSuccess(partial);
      if (rejected > 0) this.#options.onDrop('rejected', rejected);
      this.#options.onSent(points - rejected);
      this.#reporter.reportSuccess();
      this.#remove(0);
    } else {
      const advice = getPathAdvice(status, this.#options.settings.url);
      this.#reporter.reportRejection(describeFailure(response), points, advice);
      this.#remove(0, 'rejected');
    }
    return 'done';
  }

  /** Compressed only when it is sent, because compression takes longer than encoding. */
  async #compress(request: QueuedRequest): Promise<void> {
    const { gzip } = process.getBuiltinModule('node:zlib');
    const compressed = await new Promise<Buffer>((resolve, reject) => {
      gzip(request.body, (error, result) => (error ? reject(error) : resolve(result)));
    });
    this.#queueBytes += compressed.length - request.body.length;
    request.body = compressed;
    request.isCompressed = true;
  }

  #remove(index: number, reason?: OtlpDropReason): void {
    const [removed] = this.#queue.splice(index, 1);
    if (!removed) return;
    this.#queueBytes -= removed.body.length;
    if (reason) this.#options.onDrop(reason, removed.points);
  }
}

/**
 * Sends one request to the endpoint.
 *
 * @throws see {@link HttpClient.send}
 */
export function postMetrics(
  client: HttpClient,
  settings: OtlpSettings,
  { body, isCompressed }: { readonly body: Buffer; readonly isCompressed: boolean },
  timeoutMs: number,
): Promise<HttpResponse> {
  return client.send(settings.url, {
    method: 'POST',
    headers: {
      'user-agent': `Perfscope-OTLP-Exporter/${VERSION}`,
      ...settings.headers,
      'content-type': CONTENT_TYPES[settings.encoding],
      ...(isCompressed && { 'content-encoding': 'gzip' }),
    },
    body: [body],
    timeoutMs,
    maxBodyBytes: MAX_RESPONSE_BYTES,
  });
}
