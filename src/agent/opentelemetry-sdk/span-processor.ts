import { withTimeout } from '../../core/concurrency.ts';
import { guard, runGuarded } from '../../core/guard.ts';
import { startImmediate, startInterval } from '../../core/guarded-timers.ts';
import { EXPORT_PART } from '../export/sdk-metric-adapter.ts';
import type { QuestDBSpanExporter } from './questdb-span-exporter.ts';
import { isStoredKind } from './sdk-span-adapter.ts';
import type { SdkSpan, SpanProcessor } from './sdk-span-types.ts';

const EXPORT_INTERVAL_MS = 5000;
/** Number of spans that are exported without waiting. */
const MAX_BATCH_SIZE = 512;
/** Number of spans that are exported immediately, because the event loop is blocked. */
const MAX_SPANS = 4 * MAX_BATCH_SIZE;
/** Time limit for the detection of the resource's attributes, in ms. */
const MAX_DETECTION_MS = 5000;

/** Exports spans in batches, and when the process ends. Drops no spans. */
export class PerfscopeSpanProcessor implements SpanProcessor {
  readonly #exporter: QuestDBSpanExporter;
  readonly #timer: NodeJS.Timeout;
  #spans: SdkSpan[] = [];
  #nextExport: NodeJS.Immediate | undefined;
  #isShutDown = false;

  constructor(exporter: QuestDBSpanExporter) {
    this.#exporter = exporter;
    this.#timer = startInterval(EXPORT_PART, () => this.#export(), EXPORT_INTERVAL_MS);
  }

  onStart(): void {}

  readonly onEnd = guard(EXPORT_PART, (span: SdkSpan) => {
    if (this.#isShutDown || !isStoredKind(span.kind)) return;
    this.#spans.push(span);
    if (this.#spans.length >= MAX_SPANS) this.exportSync();
    else if (this.#spans.length >= MAX_BATCH_SIZE) {
      this.#nextExport ??= startImmediate(EXPORT_PART, () => this.#export());
    }
  });

  async forceFlush(): Promise<void> {
    await runGuarded(EXPORT_PART, () => this.#export());
    await this.#exporter.forceFlush();
  }

  async shutdown(): Promise<void> {
    clearInterval(this.#timer);
    this.#isShutDown = true;
    await this.forceFlush();
  }

  /** Exports the ended spans synchronously. For use while the process ends. */
  exportSync(): void {
    const spans = this.#spans;
    this.#spans = [];
    this.#nextExport = undefined;
    if (spans.length > 0) this.#exporter.export(spans, () => {});
  }

  async #export(): Promise<void> {
    const resource = this.#spans[0]?.resource;
    if (resource?.asyncAttributesPending && resource.waitForAsyncAttributes) {
      const detected = resource.waitForAsyncAttributes();
      await withTimeout(MAX_DETECTION_MS, detected, () => {}, { keepAlive: false });
    }
    this.exportSync();
  }
}
