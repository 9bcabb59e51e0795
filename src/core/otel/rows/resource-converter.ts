import { addCount } from '../../maps.ts';
import type { PerformanceMetricRow } from '../../schema/tables/performance-metrics-table.ts';
import {
  type CounterOrigin,
  getCounterOrigin,
  getSeriesStart,
  isGauge,
} from '../mapping/counter-origin.ts';
import type { MappedSeries } from '../mapping/map-series.ts';
import { getMetricDefinition } from '../mapping/metric-definitions.ts';
import { toNameFact } from '../mapping/metric-presence.ts';
import type { MappedResource, MappingOptions } from '../mapping/resource-mapping.ts';
import type { SeriesCache } from '../mapping/series-cache.ts';
import { shortenScope } from '../mapping/short-key.ts';
import type {
  OtelMetric,
  OtelNumberPoint,
  OtelResourceMetrics,
  OtelScope,
} from '../metric-data.ts';
import type { CumulativeIgnoreReason, SeriesTransaction } from '../series/cumulative-to-delta.ts';
import { getFirstCountedMs } from './blank-span-rows.ts';
import type { HealthCollector } from './health-rows.ts';
import {
  addExponentialHistogramRows,
  addHistogramRows,
  addNumberRow,
  addSummaryRows,
  type MetricRowSink,
} from './point-rows.ts';
import {
  findExponentialHistogramProblem,
  findHistogramProblem,
  findMetricProblem,
  findNumberProblem,
  findSummaryPointProblem,
  findTimeProblem,
  type RejectReason,
  type ValidTimes,
} from './point-validation.ts';
import type { RequestSampleCollector } from './request-samples.ts';

/**
 * Why a valid point has no row:
 * - `empty`: a histogram or a summary without values.
 * - `renamed`: the process sends the same metric under its current name too.
 */
export type IgnoreReason = CumulativeIgnoreReason | 'empty' | 'renamed';

/** What is collected while the metrics of one request are converted. */
export interface RequestRows {
  readonly transaction: SeriesTransaction;
  readonly options: MappingOptions;
  readonly times: ValidTimes;
  readonly sink: MetricRowSink;
  readonly samples: RequestSampleCollector;
  /** Starts of the intervals of metrics that a process has sent for the first time, by fact. */
  readonly firstStarts: Map<string, number>;
  readonly rejected: Map<RejectReason, number>;
  readonly rejectedNames: Map<RejectReason, string>;
  readonly ignored: Map<IgnoreReason, number>;
}

/** Converts the metrics of one resource. */
export class ResourceConverter {
  readonly #request: RequestRows;
  readonly #resource: MappedResource;
  readonly #health: HealthCollector;
  readonly #cache: SeriesCache;
  /** Name of the current metric. */
  #name = '';

  constructor(
    request: RequestRows,
    resource: MappedResource,
    health: HealthCollector,
    cache: SeriesCache,
  ) {
    this.#request = request;
    this.#resource = resource;
    this.#health = health;
    this.#cache = cache;
  }

  convert({ scopes }: OtelResourceMetrics): void {
    for (const { metrics } of scopes) {
      for (const { name } of metrics) this.#noteName(name);
    }
    for (const { scope, metrics } of scopes) {
      const shortScope = shortenScope(scope);
      for (const metric of metrics) this.#convertMetric(shortScope, metric);
    }
  }

  /** Some processes send a metric under an old and the current name (`OTEL_SEMCONV_STABILITY_OPT_IN`). */
  #noteName(name: string): void {
    const { type, storedName } = getMetricDefinition(name);
    if (type === 'CUSTOM' || (storedName ?? name) !== name) return;
    this.#request.transaction.noteFact(toNameFact(this.#resource, name));
  }

  #isRenamed(name: string): boolean {
    const { storedName } = getMetricDefinition(name);
    if (storedName === undefined || storedName === name) return false;
    return this.#request.transaction.hasFact(toNameFact(this.#resource, storedName));
  }

  #convertMetric(scope: OtelScope, metric: OtelMetric): void {
    const { options } = this.#request;
    this.#name = metric.name;
    const problem = findMetricProblem(metric);
    if (problem !== undefined) {
      this.#reject(problem, metric.points.length);
      return;
    }
    if (this.#isRenamed(metric.name)) {
      this.#ignore('renamed', metric.points.length);
      return;
    }
    const getSeries = this.#cache.forMetric(this.#resource, scope, metric, options);
    const isAbsolute = metric.kind === 'gauge' || (metric.kind === 'sum' && isGauge(metric));
    const origin = isAbsolute ? undefined : getCounterOrigin(this.#resource, scope, metric);
    for (const point of metric.points) {
      const timeProblem = findTimeProblem(point, this.#request.times);
      if (timeProblem !== undefined) {
        this.#reject(timeProblem);
        continue;
      }
      if (point.hasNoValue) {
        this.#ignore('no_value');
        continue;
      }
      const series = getSeries(point.attributes);
      if (!isAbsolute) this.#health.addProcessStart(getSeriesStart(metric, point), point.timeMs);
      const row = this.#addRows(metric, series, point, origin);
      if (row && point.exemplars) this.#request.samples.addExemplars(this.#resource, series, point);
    }
  }

  /** From now on, spans with the same information are not counted too. */
  #noteMetric({ metricFact }: MappedSeries, startMs: number): void {
    const { transaction, firstStarts } = this.#request;
    const known = firstStarts.get(metricFact);
    if (known !== undefined || !transaction.hasFact(metricFact)) {
      firstStarts.set(metricFact, Math.min(known ?? startMs, startMs));
    }
    transaction.noteFact(metricFact);
  }

  /** Returns the row of a point. Undefined if it has none. */
  #addRows(
    metric: OtelMetric,
    series: MappedSeries,
    point: OtelMetric['points'][number],
    origin: CounterOrigin | undefined,
  ): PerformanceMetricRow | undefined {
    switch (metric.kind) {
      case 'gauge':
      case 'sum':
        return this.#addChecked(metric, series, point as OtelNumberPoint, origin);
      case 'histogram':
        return this.#addConverted(metric, series, point as (typeof metric.points)[number], {
          findProblem: findHistogramProblem,
          origin,
          toDelta: (each) =>
            this.#request.transaction.convertHistogram(series.hash, each, origin, series),
          addRows: addHistogramRows,
        });
      case 'exponentialHistogram':
        return this.#addConverted(metric, series, point as (typeof metric.points)[number], {
          findProblem: findExponentialHistogramProblem,
          origin,
          toDelta: (each) =>
            this.#request.transaction.convertExponentialHistogram(
              series.hash,
              each,
              origin,
              series,
            ),
          addRows: addExponentialHistogramRows,
        });
      case 'summary':
        return this.#addConverted(
          { temporality: 'cumulative' },
          series,
          point as (typeof metric.points)[number],
          {
            findProblem: findSummaryPointProblem,
            origin,
            toDelta: (each) =>
              this.#request.transaction.convertSummary(series.hash, each, origin, series),
            addRows: addSummaryRows,
          },
        );
      default:
        return undefined;
    }
  }

  #addChecked(
    metric: OtelMetric & { kind: 'gauge' | 'sum' },
    series: MappedSeries,
    point: OtelNumberPoint,
    origin: CounterOrigin | undefined,
  ): PerformanceMetricRow | undefined {
    const problem = findNumberProblem(point);
    if (problem !== undefined) return this.#reject(problem);
    if (metric.kind === 'gauge' || isGauge(metric)) return this.#addNumber(series, point);
    if (metric.isMonotonic && point.value < 0) return this.#reject('negative_count');
    const { transaction } = this.#request;
    if (metric.temporality === 'delta') {
      const reason = transaction.checkDelta(series.hash, point, origin, series);
      return reason ? this.#ignore(reason) : this.#addNumber(series, point);
    }
    const converted = transaction.convertNumber(series.hash, point, origin, series);
    if (converted.kind === 'ignored') return this.#ignore(converted.reason);
    return this.#addNumber(series, converted.point);
  }

  #addNumber(series: MappedSeries, point: OtelNumberPoint): PerformanceMetricRow {
    const row = addNumberRow(this.#request.sink, series, point);
    this.#health.addNumber(series, row);
    return row;
  }

  #addConverted<P extends OtelNumberPointTimes & { readonly count: number }>(
    { temporality }: { readonly temporality: 'delta' | 'cumulative' | 'unspecified' },
    series: MappedSeries,
    point: P,
    steps: {
      readonly findProblem: (point: P) => RejectReason | undefined;
      readonly origin: CounterOrigin | undefined;
      readonly toDelta: (
        point: P,
      ) =>
        | { readonly kind: 'delta'; readonly point: P }
        | { readonly kind: 'ignored'; readonly reason: CumulativeIgnoreReason };
      readonly addRows: (
        sink: MetricRowSink,
        series: MappedSeries,
        point: P,
      ) => PerformanceMetricRow | undefined;
    },
  ): PerformanceMetricRow | undefined {
    const problem = steps.findProblem(point);
    if (problem !== undefined) return this.#reject(problem);
    let delta = point;
    if (temporality === 'cumulative') {
      const converted = steps.toDelta(point);
      if (converted.kind === 'ignored') return this.#ignore(converted.reason);
      delta = converted.point;
    } else {
      const reason = this.#request.transaction.checkDelta(series.hash, point, steps.origin, series);
      if (reason) return this.#ignore(reason);
    }
    const row = steps.addRows(this.#request.sink, series, delta);
    if (!row) return this.#ignore('empty');
    this.#health.addDurations(row);
    const isSeriesStart = delta.startTimeMs === point.startTimeMs;
    this.#noteMetric(series, getFirstCountedMs(delta.startTimeMs, isSeriesStart));
    return row;
  }

  #reject(reason: RejectReason, points = 1): undefined {
    const { rejected, rejectedNames } = this.#request;
    if (points === 0) return;
    if (!rejectedNames.has(reason)) rejectedNames.set(reason, this.#name);
    addCount(rejected, reason, points);
  }

  #ignore(reason: IgnoreReason, points = 1): undefined {
    if (points > 0) addCount(this.#request.ignored, reason, points);
  }
}

type OtelNumberPointTimes = Pick<OtelNumberPoint, 'startTimeMs' | 'timeMs'>;
