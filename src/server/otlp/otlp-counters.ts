import type { Counter, MeterProvider } from '@opentelemetry/api';
import {
  ATTR_OTLP_OUTCOME,
  ATTR_OTLP_REASON,
  ATTR_OTLP_SIGNAL,
  ATTR_OTLP_STATUS,
} from '../../agent/attribute-keys.ts';
import type { OtlpSignal } from './decode/otlp-response.ts';
import type { ExportOutcome } from './partial-success.ts';

/** The server's own metrics about OTLP requests. */
export class OtlpCounters {
  readonly #requests: Counter | undefined;
  readonly #items: Readonly<Record<OtlpSignal, Counter | undefined>>;

  /** @param provider undefined if the server doesn't measure itself */
  constructor(provider: MeterProvider | undefined) {
    const meter = provider?.getMeter('perfscope.otlp');
    this.#requests = meter?.createCounter('perfscope.otlp.requests', {
      unit: '{request}',
      description: 'OTLP requests, by signal and HTTP status.',
    });
    this.#items = {
      metrics: meter?.createCounter('perfscope.otlp.points', {
        unit: '{point}',
        description: 'Metric points in OTLP requests, by outcome and reason.',
      }),
      traces: meter?.createCounter('perfscope.otlp.spans', {
        unit: '{span}',
        description: 'Spans in OTLP requests, by outcome and reason.',
      }),
    };
  }

  countRequest(signal: OtlpSignal, status: number): void {
    this.#requests?.add(1, { [ATTR_OTLP_SIGNAL]: signal, [ATTR_OTLP_STATUS]: status });
  }

  countItems(signal: OtlpSignal, { stored, rejected, ignored }: ExportOutcome): void {
    const counter = this.#items[signal];
    if (stored > 0) counter?.add(stored, { [ATTR_OTLP_OUTCOME]: 'stored' });
    for (const [outcome, counts] of Object.entries({ rejected, ignored })) {
      for (const [reason, count] of counts) {
        counter?.add(count, { [ATTR_OTLP_OUTCOME]: outcome, [ATTR_OTLP_REASON]: reason });
      }
    }
  }
}
