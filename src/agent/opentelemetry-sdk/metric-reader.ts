import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { runGuarded } from '../../core/guard.ts';
import { collectProducerSync } from '../export/collect-sync.ts';
import { EXPORT_PART } from '../export/sdk-metric-adapter.ts';
import type { QuestDBMetricExporter } from './questdb-metric-exporter.ts';

type MetricProducer = Parameters<PeriodicExportingMetricReader['setMetricProducer']>[0];

/** Time limit for the asynchronous callbacks of observable instruments, in ms. */
const MAX_COLLECT_MS = 10_000;

/**
 * Exports metrics periodically, and when the process ends. Extends the reader of the bundled SDK 3.x, which works with
 * meter providers of SDK 2.x and 3.x.
 */
export class PerfscopeMetricReader extends PeriodicExportingMetricReader {
  readonly #exporter: QuestDBMetricExporter;
  #producer: MetricProducer | undefined;

  constructor(exporter: QuestDBMetricExporter, exportIntervalMs: number) {
    super({
      exporter,
      exportIntervalMillis: exportIntervalMs,
      exportTimeoutMillis: Math.min(exportIntervalMs, MAX_COLLECT_MS),
    });
    this.#exporter = exporter;
  }

  override setMetricProducer(producer: MetricProducer): void {
    super.setMetricProducer(producer);
    this.#producer = producer;
  }

  /** Exports the current interval synchronously, except for gauges. For use while the process ends. */
  exportSync(nowMs: number = Date.now()): void {
    const producer = this.#producer;
    if (!producer) return;
    runGuarded(EXPORT_PART, () =>
      this.#exporter.export(collectProducerSync(producer, nowMs), () => {}),
    );
  }

  protected override async onShutdown(): Promise<void> {
    await super.onShutdown();
    this.#producer = undefined;
  }
}
