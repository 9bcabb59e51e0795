import type { EnvironmentVariables } from '../../core/config/parse-settings.ts';
import type { StartupConfig } from '../../core/config/startup-config.ts';
import { DAY_MS } from '../../core/duration.ts';
import { runGuarded } from '../../core/guard.ts';
import { readHealthThresholds } from '../../core/health-status.ts';
import { stderrLogger } from '../../core/log.ts';
import { getTenantAttributes } from '../../core/otel/mapping/tenant-attributes.ts';
import type { OtelAttributes, OtelResourceMetrics } from '../../core/otel/metric-data.ts';
import {
  type ConversionContext,
  MetricConverter,
  type MetricConverterOptions,
} from '../../core/otel/rows/metrics-to-rows.ts';
import type { MetricRowSink } from '../../core/otel/rows/point-rows.ts';
import { RequestSampleMemory } from '../../core/otel/rows/request-sample-memory.ts';
import { SpanConverter, type SpanConverterOptions } from '../../core/otel/rows/spans-to-rows.ts';
import { CumulativeSeries } from '../../core/otel/series/cumulative-series.ts';
import type { OtelResourceSpans } from '../../core/otel/span-data.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { RowTypes, TableName } from '../../core/schema/table-registry.ts';
import type { ErrorLogRow } from '../../core/schema/tables/error-logs-table.ts';
import type { Agent } from '../agent.ts';
import { createArgumentError } from '../argument-checks.ts';
import { EXPORT_PART } from '../export/sdk-metric-adapter.ts';
import { flushOnExit } from '../process/flush-on-exit.ts';
import { isRegistered } from '../registered.ts';
import { runWhenIdle } from '../run-when-idle.ts';
import { getSharedAgent, overrideVariables } from '../shared-agent.ts';
import { type ExporterOptions, getOptionName, toEnvironment } from './exporter-options.ts';
import {
  type ExportedItems,
  type NotStored,
  type Rejected,
  RejectedData,
} from './rejected-data.ts';

type Rows = { [N in TableName]: [table: N, rows: readonly RowTypes[N][]] }[TableName];

/**
 * Converts the exports of the application's SDK to rows, and passes the rows to the writer of this process. All exporters
 * of a process share one pipeline.
 */
export class ExporterPipeline {
  readonly #agent: Agent;
  readonly #processEndListeners: (() => void)[] = [];
  /** Environment variables that the options of all exporters override. */
  #variables: EnvironmentVariables = {};
  readonly #series = new CumulativeSeries({ sinceMs: Date.now() - performance.now() });
  readonly #rejected: RejectedData;
  readonly #metricConverter: MetricConverter;
  readonly #spanConverter: SpanConverter;
  #isWarned = false;
  #isSdk1Reported = false;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#rejected = new RejectedData(agent.droppedRows, stderrLogger, Date.now());
    const options = { ...toConverterOptions(agent.config), samples: new RequestSampleMemory() };
    this.#metricConverter = new MetricConverter(options);
    this.#spanConverter = new SpanConverter(options);
    if (!this.isActive) return;
    const exportRest = () => {
      for (const listener of this.#processEndListeners) runGuarded(EXPORT_PART, listener);
    };
    flushOnExit({
      config: agent.config,
      lambda: undefined,
      health: agent.health,
      flushSync: (options) => {
        exportRest();
        return agent.flushSync(options);
      },
      closeSync: () => {
        exportRest();
        agent.closeSync();
      },
      sendSpooled: (timeoutMs) => agent.sendSpooled(timeoutMs),
      sendInBackground: () => agent.sendInBackground(),
    });
    runWhenIdle('the start', [() => agent.connect()]);
  }

  /**
   * Applies options as environment variables. See {@link toEnvironment}.
   *
   * @throws PS_ARGUMENT_INVALID if an option differs from the option of another exporter
   */
  applyOptions(fn: string, variables: EnvironmentVariables): void {
    // In a process with `register`, options must not redirect the rows of the agent.
    if (isRegistered()) return;
    for (const [variable, value] of Object.entries(variables)) {
      if (!Object.hasOwn(this.#variables, variable) || this.#variables[variable] === value)
        continue;
      const reason = 'differs from the option of another exporter in this process';
      throw createArgumentError(fn, getOptionName(variable), reason);
    }
    this.#variables = { ...this.#variables, ...variables };
    overrideVariables(this.#agent, this.#variables);
  }

  /** Calls `listener` when the process ends, so that it can export the rest. It must be synchronous. */
  onProcessEnd(listener: () => void): void {
    this.#processEndListeners.push(listener);
  }

  /**
   * Whether exports are stored. Not if monitoring is disabled, and not in a process that was started with the `register`
   * module, because the agent then records the same values.
   */
  get isActive(): boolean {
    if (!isRegistered()) return this.#agent.config.settings.enabled;
    if (!this.#isWarned) stderrLogger.warn(createError('PS_EXPORTER_INACTIVE', {}).message);
    this.#isWarned = true;
    return false;
  }

  /** Logs once that SDK 1.x isn't supported, unless the exporters do nothing anyway. */
  reportSdk1(): void {
    if (this.#isSdk1Reported || !this.isActive) return;
    this.#isSdk1Reported = true;
    stderrLogger.warn(createError('PS_SDK_UNSUPPORTED', {}).message);
  }

  /** Interval between two exports, in ms. */
  get exportIntervalMs(): number {
    return this.#agent.config.settings.exportIntervalMs;
  }

  /** Passes the rows of exported metrics to the writer. */
  addMetrics(metrics: OtelResourceMetrics): void {
    this.#add('metric points', metrics.resource, (context) => {
      const converted = this.#metricConverter.convert([metrics], context);
      return [converted, [...toTables(converted), ['system_health', converted.health]]];
    });
  }

  /** Passes the rows of exported spans to the writer. */
  addSpans(spans: readonly OtelResourceSpans[]): void {
    this.#add('spans', spans[0]?.resource ?? {}, (context) => {
      const converted = this.#spanConverter.convert(spans, context);
      return [converted, [...toTables(converted), ['error_logs', converted.errors]]];
    });
  }

  /** Returns the numbers of exported points or spans that were not stored. */
  getNotStored(items: ExportedItems): NotStored {
    return this.#rejected.getCounts(items);
  }

  #add(
    items: ExportedItems,
    resource: OtelAttributes,
    convert: (context: ConversionContext) => [Rejected, Rows[]],
  ): void {
    const nowMs = Date.now();
    const transaction = this.#series.begin(nowMs);
    try {
      const [rejected, tables] = convert({ transaction, nowMs });
      this.#rejected.add(items, rejected);
      const metric = this.#rejected.takeMetric(resource, nowMs);
      if (metric) tables.push(...this.#convertOwn(metric, { transaction, nowMs }));
      transaction.commit();
      for (const [table, rows] of tables) {
        this.#agent.deferredWriter.add(table as 'error_logs', rows as ErrorLogRow[]);
      }
    } finally {
      transaction.rollback();
    }
  }

  #convertOwn(metric: OtelResourceMetrics, context: ConversionContext): Rows[] {
    return toTables(this.#metricConverter.convert([metric], context));
  }

  /**
   * Writes all rows to the spool, and tries to send them for up to `PERFORMANCE_EXIT_TIMEOUT`. Never rejects. Unsent rows
   * stay in the spool.
   */
  async flush(): Promise<void> {
    await runGuarded(EXPORT_PART, async () => {
      if (!this.isActive || !this.#agent.flushSync()) return;
      await this.#agent.sendSpooled(this.#agent.config.settings.PERFORMANCE_EXIT_TIMEOUT);
    });
  }
}

function toTables({ metrics, buckets }: MetricRowSink): Rows[] {
  return [
    ['performance_metrics', metrics],
    ['metric_buckets', buckets],
  ];
}

function toConverterOptions({
  settings,
  resource,
  host,
}: StartupConfig): MetricConverterOptions & SpanConverterOptions {
  return {
    fallback: { service: resource, host },
    tenantAttributes: getTenantAttributes(settings),
    retentionMs: settings.retention.rawDays * DAY_MS,
    thresholds: readHealthThresholds(settings),
  };
}

const pipelines = new WeakMap<Agent, ExporterPipeline>();

/**
 * Returns the pipeline of this process.
 *
 * @param fn name of the public function or class that has the options
 * @throws PS_ARGUMENT_INVALID if an option is invalid, or differs from the option of another exporter
 */
export function getExporterPipeline(
  fn: string,
  options: ExporterOptions | null | undefined,
): ExporterPipeline {
  const variables = toEnvironment(fn, options);
  const agent = getSharedAgent();
  const pipeline = pipelines.get(agent) ?? new ExporterPipeline(agent);
  pipelines.set(agent, pipeline);
  if (variables) pipeline.applyOptions(fn, variables);
  return pipeline;
}

/** Logs once that SDK 1.x isn't supported, if this process has a pipeline. Never throws. */
export function reportSdk1(): void {
  runGuarded(EXPORT_PART, () => pipelines.get(getSharedAgent())?.reportSdk1());
}
