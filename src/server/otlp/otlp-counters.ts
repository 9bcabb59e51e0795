import type { Counter, MeterProvider } from '@opentelemetry/api';
import type { OtlpSignal } from './decode/otlp-response.ts';
import type { ExportOutcome } from './partial-success.ts';

const ATTR_SIGNAL = 'perfscope.otlp.signal';
const ATTR_OUTCOME = 'perfscope.otlp.outcome';
const ATTR_REASON = 'perfscope.otlp.reason';
const ATTR_STATUS = 'perfscope.otlp.status';

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
    this.#requests?.add(1, { [ATTR_SIGNAL]: signal, [ATTR_STATUS]: status });
  }

  countItems(signal: OtlpSignal, { stored, rejected, ignored }: ExportOutcome): void {
    const counter = this.#items[signal];
    if (stored > 0) counter?.add(stored, { [ATTR_OUTCOME]: 'stored' });
    for (const [outcome, counts] of Object.entries({ rejected, ignored })) {
      for (const [reason, count] of counts) {
        counter?.add(count, { [ATTR_OUTCOME]: outcome, [ATTR_REASON]: reason });
      }
    }
  }
}
