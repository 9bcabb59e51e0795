import {
  type AlignedComparison,
  alignComparison,
  type Comparison,
} from '../../../storage/queries/comparison.ts';
import type { Aggregate, SeriesOptions } from '../../../storage/queries/metric-series.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { createRequestError } from '../problem-details.ts';
import type { RequestQuery } from '../request/request-query.ts';
import { formatStep, type ResolvedStep, resolveStep } from '../request/request-time-range.ts';
import { type MetricDimensionName, toDimensions } from '../schemas/query-parameters.ts';

const SERIES_TABLES = ['performance_metrics', 'metric_buckets'];

export interface SeriesParameters {
  readonly step?: string | undefined;
  readonly compare?: Comparison | undefined;
  readonly metricType: string;
  readonly name?: readonly string[] | undefined;
  readonly aggregate: readonly Aggregate[];
  readonly groupBy?: readonly MetricDimensionName[] | undefined;
  readonly limit: number;
  readonly apdexTarget: number;
}

/** The queries of a series. */
export interface SeriesPlan extends ResolvedStep {
  readonly current: Query;
  /** Query of the range to compare with. */
  readonly compared: Query | undefined;
  readonly comparison: AlignedComparison | undefined;
  readonly selection: SeriesOptions;
}

/**
 * Chooses the step of a series, and returns the queries for the time range and, if requested, for the range to compare
 * with.
 *
 * @throws PS_REQUEST_INVALID if the step isn't possible
 */
export async function planSeries(
  queryClient: Pick<QueryClient, 'getCatalog'>,
  { dbQuery, zone }: RequestQuery,
  query: SeriesParameters,
): Promise<SeriesPlan> {
  const { range } = dbQuery;
  const { compare, groupBy = [] } = query;
  // The step isn't known yet, so this alignment is an estimate. The estimate is used only to choose
  // the step.
  const estimate = compare && alignComparison(range, compare, { ms: 1, zone });
  const whole = estimate ? { fromMs: estimate.range.fromMs, toMs: range.toMs } : range;
  const { step, notes } = await resolveStep(
    query.step,
    { range, whole, zone },
    queryClient,
    SERIES_TABLES,
  );
  const comparison = compare && getComparison();
  const current = { ...dbQuery, step, groupBy: toDimensions(groupBy) };
  return {
    step,
    notes,
    comparison,
    current,
    compared: comparison && { ...current, range: comparison.range },
    selection: {
      metricType: query.metricType,
      names: query.name,
      aggregates: query.aggregate,
      apdexTarget: query.apdexTarget,
    },
  };

  function getComparison(): AlignedComparison {
    const aligned = alignComparison(range, compare ?? 'previous', step);
    if (aligned) return aligned;
    throw createRequestError({
      parameter: 'step',
      reason: `of ${formatStep(step.ms)} cannot be combined with compare=${compare}`,
      allowed: 'a step that divides a day or a week evenly, such as 15m, 1h, or 1d',
    });
  }
}
