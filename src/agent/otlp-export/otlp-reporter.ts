import { formatOtlpUrl } from '../../core/config/otlp-settings.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { PartialSuccess } from './otlp-response.ts';

/** Port of gRPC, which the export doesn't support. */
const GRPC_PORT = '4317';

const REJECTION_ADVICE =
  'Check OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, and the other OTEL_EXPORTER_OTLP_* variables';

/** Logs the state of the OTLP export. Repeated failures are logged once, so that they don't fill the log. */
export class OtlpReporter {
  readonly #url: string;
  readonly #log: Logger;
  readonly #warnOnce: (kind: string, message: string) => void;
  readonly #hint: string;
  #isFailing = false;

  /** @param url the complete URL. Its query is not logged, because it can contain a secret. */
  constructor(url: string, log: Logger) {
    const { port } = new URL(url);
    this.#url = formatOtlpUrl({ url });
    this.#log = log;
    this.#warnOnce = createWarnOnce(log);
    this.#hint =
      port === GRPC_PORT
        ? `Port ${GRPC_PORT} usually accepts only gRPC. Use port 4318`
        : 'Check that the endpoint is running and accepts OTLP over HTTP';
  }

  /** Reports a failure after which the request is sent again. */
  reportFailure(reason: string): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const params = { url: this.#url, reason, hint: this.#hint };
    // A later failure with the same reason is not logged again.
    this.#warnOnce('failure', createError('PS_OTLP_EXPORT_FAILED', params).message);
  }

  reportSuccess(): void {
    if (this.#isFailing) this.#log.info(`metrics are sent to ${this.#url} again`);
    this.#isFailing = false;
  }

  /** @param advice what to correct. Default: general advice. */
  reportRejection(reason: string, points: number, advice: string = REJECTION_ADVICE): void {
    const params = { url: this.#url, reason, points, hint: advice };
    this.#warnOnce(
      `rejection ${reason.slice(0, 8)}`,
      createError('PS_OTLP_EXPORT_REJECTED', params).message,
    );
  }

  reportPartialSuccess({ rejected, message }: PartialSuccess): void {
    const params = { url: this.#url, points: rejected, reason: message || 'no reason was given' };
    this.#warnOnce('partial success', createError('PS_OTLP_EXPORT_PARTIAL', params).message);
  }
}
