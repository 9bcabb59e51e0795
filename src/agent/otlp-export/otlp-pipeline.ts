import { readFileSync } from 'node:fs';
import type { OtlpSettings } from '../../core/config/otlp-settings.ts';
import { runGuarded } from '../../core/guard.ts';
import { startImmediate } from '../../core/guarded-timers.ts';
import { loadTls, type TlsCertificates } from '../../core/http/http-socket.ts';
import type { Logger } from '../../core/log.ts';
import { encodeMetricsRequest } from '../../core/otel/encode/otlp-encoder.ts';
import { encodeMetricsRequestJson } from '../../core/otel/encode/otlp-json-encoder.ts';
import type {
  OtelAttributes,
  OtelMetric,
  OtelResourceMetrics,
  OtelScopeMetrics,
} from '../../core/otel/metric-data.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { OTLP_PART, type OtlpDropReason, OtlpSender } from './otlp-sender.ts';

/** Maximum number of points in a request. New Relic accepts at most 1 MB. */
const MAX_POINTS_PER_REQUEST = 1000;

export interface OtlpPipelineOptions {
  readonly settings: OtlpSettings;
  readonly resource: OtelAttributes;
  readonly log: Logger;
  readonly onDrop: (reason: OtlpDropReason, points: number) => void;
  readonly onSent: (points: number) => void;
}

interface Chunk {
  readonly scopes: readonly OtelScopeMetrics[];
  readonly points: number;
}

/**
 * Encodes and sends the metrics of each interval. Encodes one request per turn of the event loop. Loaded only
 * if the OTLP export is on, after the application has started.
 */
export class OtlpPipeline {
  readonly #options: OtlpPipelineOptions;
  readonly #sender: OtlpSender;
  readonly #chunks: Chunk[] = [];
  #isEncoding = false;

  /** @throws PS_OTLP_EXPORT_CERTIFICATE if a certificate can't be read */
  constructor(options: OtlpPipelineOptions) {
    const { settings } = options;
    this.#options = options;
    // Takes a reference before the application can replace the function.
    if (settings.url.startsWith('https:')) loadTls();
    this.#sender = new OtlpSender({ ...options, tls: readCertificates(settings) });
  }

  get hasPending(): boolean {
    return this.#chunks.length > 0 || this.#sender.hasPending;
  }

  /** Adds the metrics of an interval. */
  add(scopes: readonly OtelScopeMetrics[]): void {
    this.#chunks.push(...splitMetrics(scopes, MAX_POINTS_PER_REQUEST));
    if (!this.#isEncoding) this.#encodeNext();
  }

  /** See {@link OtlpSender.drain}. */
  async drain(timeoutMs: number, options: { retry: boolean }): Promise<void> {
    while (this.#chunks.length > 0) this.#encode();
    await this.#sender.drain(timeoutMs, options);
  }

  close(): void {
    while (this.#chunks.length > 0) this.#encode();
    this.#sender.close();
  }

  #encodeNext(): void {
    this.#encode();
    this.#isEncoding = this.#chunks.length > 0;
    if (this.#isEncoding) startImmediate(OTLP_PART, () => this.#encodeNext());
  }

  /** A request that can't be encoded is dropped, so that it doesn't stop the others. */
  #encode(): void {
    const chunk = this.#chunks.shift();
    if (!chunk) return;
    const { resource, settings } = this.#options;
    runGuarded(OTLP_PART, () => {
      const request: OtelResourceMetrics[] = [{ resource, scopes: chunk.scopes }];
      const body =
        settings.encoding === 'json'
          ? Buffer.from(encodeMetricsRequestJson(request))
          : encodeMetricsRequest(request);
      this.#sender.add(body, chunk.points);
    });
  }
}

/** Reads the certificates for the connection. @throws PS_OTLP_EXPORT_CERTIFICATE */
export function readCertificates(settings: OtlpSettings): TlsCertificates | undefined {
  const { certificateFile, clientCertificateFile, clientKeyFile } = settings;
  if (!(certificateFile || clientCertificateFile || clientKeyFile)) return undefined;
  return {
    ca: readPem('CERTIFICATE', certificateFile),
    cert: readPem('CLIENT_CERTIFICATE', clientCertificateFile),
    key: readPem('CLIENT_KEY', clientKeyFile),
  };
}

function readPem(suffix: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    const params = { name: `OTEL_EXPORTER_OTLP_${suffix}`, reason: errorMessage(error) };
    throw createError('PS_OTLP_EXPORT_CERTIFICATE', params, error);
  }
}

/** Distributes metrics over chunks with a limited number of points. Omits invalid numbers and metrics without points. */
function splitMetrics(scopes: readonly OtelScopeMetrics[], maxPoints: number): Chunk[] {
  const chunks: { scopes: OtelScopeMetrics[]; points: number }[] = [];
  for (const { scope, metrics } of scopes) {
    for (const metric of metrics) {
      const points = metric.points.filter(isFinitePoint);
      for (let start = 0; start < points.length; ) {
        let chunk = chunks.at(-1);
        if (!chunk || chunk.points >= maxPoints) {
          chunk = { scopes: [], points: 0 };
          chunks.push(chunk);
        }
        const part = points.slice(start, start + maxPoints - chunk.points);
        let target = chunk.scopes.at(-1);
        if (target?.scope !== scope) {
          target = { scope, metrics: [] };
          chunk.scopes.push(target);
        }
        (target.metrics as OtelMetric[]).push({ ...metric, points: part } as OtelMetric);
        chunk.points += part.length;
        start += part.length;
      }
    }
  }
  return chunks;
}

function isFinitePoint(point: OtelMetric['points'][number]): boolean {
  return !('value' in point) || Number.isFinite(point.value);
}
