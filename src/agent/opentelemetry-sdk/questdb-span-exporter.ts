import { reportFailure, runGuarded } from '../../core/guard.ts';
import { EXPORT_PART } from '../export/sdk-metric-adapter.ts';
import type { ExportResult } from '../export/sdk-metric-types.ts';
import type { ExporterOptions } from './exporter-options.ts';
import { type ExporterPipeline, getExporterPipeline, reportSdk1 } from './exporter-pipeline.ts';
import type { NotStored } from './rejected-data.ts';
import { fromSdkSpans } from './sdk-span-adapter.ts';
import type { SdkSpan } from './sdk-span-types.ts';

/**
 * Stores the durations of the application's server, client, producer, and consumer spans in QuestDB, as histograms and as
 * samples of slow and failed requests. Adds nothing for operations that the application's metrics already contain. Use it
 * with any span processor of SDK 2.x or 3.x. With SDK 1.x, it stores nothing. In a process with `--import …/register`, it does nothing.
 *
 * @example
 * import { NodeSDK } from '@opentelemetry/sdk-node';
 * import { QuestDBSpanExporter } from '@perfscope/agent/opentelemetry';
 *
 * new NodeSDK({ traceExporter: new QuestDBSpanExporter() }).start();
 */
export class QuestDBSpanExporter {
  readonly #pipeline: ExporterPipeline;

  /**
   * Creates an exporter. All exporters of a process share one writer.
   *
   * @param options where rows are sent. Default: the `PERFORMANCE_*` variables, or the local server.
   * @throws PS_ARGUMENT_INVALID if an option is invalid, or differs from the option of another exporter in this process
   */
  constructor(options?: ExporterOptions) {
    this.#pipeline = getExporterPipeline('QuestDBSpanExporter', options);
  }

  /**
   * Converts spans to rows. Calls `resultCallback` with code 0 as soon as the writer has the rows. The writer keeps
   * them in its spool until QuestDB has stored them. Code 1 means that the spans can't be converted.
   * Never throws.
   *
   * @example
   * import { QuestDBSpanExporter } from '@perfscope/agent/opentelemetry';
   *
   * const exporter = new QuestDBSpanExporter();
   * exporter.export([], ({ code }) => console.log(code));
   * @param spans ended spans: `ReadableSpan` of the package `@opentelemetry/sdk-trace`
   * @param resultCallback called once, before this method returns
   */
  export(spans: readonly SdkSpan[], resultCallback: (result: ExportResult) => void): void {
    let result: ExportResult = { code: 0 };
    try {
      if (this.#pipeline.isActive) this.#pipeline.addSpans(fromSdkSpans(spans, reportSdk1));
    } catch (error) {
      reportFailure(EXPORT_PART, error);
      result = { code: 1, error: error instanceof Error ? error : new Error(String(error)) };
    }
    runGuarded(EXPORT_PART, () => resultCallback(result));
  }

  /**
   * Returns the numbers of spans that all exporters of this process did not store, by reason. docs/opentelemetry.md explains the
   * reasons. Never throws.
   *
   * @example
   * import { QuestDBSpanExporter } from '@perfscope/agent/opentelemetry';
   *
   * const exporter = new QuestDBSpanExporter();
   * console.log(exporter.notStored.rejected);
   * @returns the numbers since the process started, by reason
   */
  get notStored(): NotStored {
    return this.#pipeline.getNotStored('spans');
  }

  /**
   * Writes all rows to the spool, and tries to send them for up to `PERFORMANCE_EXIT_TIMEOUT`. Never rejects. Unsent rows
   * stay in the spool.
   *
   * @example
   * import { QuestDBSpanExporter } from '@perfscope/agent/opentelemetry';
   *
   * const exporter = new QuestDBSpanExporter();
   * await exporter.forceFlush();
   * @returns a promise that resolves when the rows are sent, or after the time limit
   */
  async forceFlush(): Promise<void> {
    await this.#pipeline.flush();
  }

  /**
   * Same as `forceFlush`. Never rejects.
   *
   * @example
   * import { QuestDBSpanExporter } from '@perfscope/agent/opentelemetry';
   *
   * const exporter = new QuestDBSpanExporter();
   * await exporter.shutdown();
   * @returns a promise that resolves when the rows are sent, or after the time limit
   */
  async shutdown(): Promise<void> {
    await this.#pipeline.flush();
  }
}
