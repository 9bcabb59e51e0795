import type { Counter, MeterProvider, ObservableResult } from '@opentelemetry/api';
import {
  ATTR_OTLP_OUTCOME,
  ATTR_OTLP_REASON,
  ATTR_OTLP_SIGNAL,
  ATTR_OTLP_STATUS,
} from '../../agent/attribute-keys.ts';
import { guard } from '../../core/guard.ts';
import type { OtlpSignal } from './decode/otlp-response.ts';
import type { ExportOutcome } from './partial-success.ts';

const PART = 'the metrics about OTLP requests';

/** The server's own metrics about OTLP requests. */
export class OtlpCounters {
  readonly #requests: Counter | undefined;
  readonly #items: Readonly<Record<OtlpSignal, Counter | undefined>>;

  readonly #forgotten: Readonly<Record<'series' | 'facts', Counter | undefined>>;
  readonly #shortenedTexts: Counter | undefined;

  /**
   * @param provider undefined if the server doesn't measure itself
   * @param getSeries returns the number of cumulative series that the server keeps
   */
  constructor(provider: MeterProvider | undefined, getSeries: () => number) {
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
    meter
      ?.createObservableGauge('perfscope.otlp.series.kept', {
        unit: '{series}',
        description: 'Cumulative series whose last point the server keeps.',
      })
      .addCallback(guard(PART, (result: ObservableResult) => result.observe(getSeries())));
    this.#forgotten = {
      series: meter?.createCounter('perfscope.otlp.series.forgotten', {
        unit: '{series}',
        description: 'Cumulative series that were forgotten because there were too many.',
      }),
      facts: meter?.createCounter('perfscope.otlp.facts.forgotten', {
        unit: '{fact}',
        description: 'Metrics of processes that were forgotten because there were too many.',
      }),
    };
    this.#shortenedTexts = meter?.createCounter('perfscope.otlp.texts.shortened', {
      unit: '{text}',
      description: 'Texts of spans that were longer than the limit.',
    });
  }

  countRequest(signal: OtlpSignal, status: number): void {
    this.#requests?.add(1, { [ATTR_OTLP_SIGNAL]: signal, [ATTR_OTLP_STATUS]: status });
  }

  /** Counts series or facts that were forgotten because of a limit. */
  countForgotten(kind: 'series' | 'facts', count: number): void {
    this.#forgotten[kind]?.add(count);
  }

  countItems(
    signal: OtlpSignal,
    { stored, rejected, ignored, shortenedTexts }: ExportOutcome,
  ): void {
    if (shortenedTexts > 0) this.#shortenedTexts?.add(shortenedTexts);
    const counter = this.#items[signal];
    if (stored > 0) counter?.add(stored, { [ATTR_OTLP_OUTCOME]: 'stored' });
    for (const [outcome, counts] of Object.entries({ rejected, ignored })) {
      for (const [reason, count] of counts) {
        counter?.add(count, { [ATTR_OTLP_OUTCOME]: outcome, [ATTR_OTLP_REASON]: reason });
      }
    }
  }
}
