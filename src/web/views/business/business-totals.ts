import { useMemo } from 'preact/hooks';
import type { ApiResponse, Query } from '../../../client/api-types.ts';
import { type ApiState, useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { type ChartData, toChartData } from '../../data/trend-data.ts';
import { comparison } from '../../url/view-state.ts';

type Values = readonly (number | null | undefined)[];

/** The sum of the values of all properties over time. */
export interface Totals {
  readonly state: ApiState<ApiResponse<'trends'>>;
  /** One series, with the earlier period. */
  readonly chart: ChartData | undefined;
  /** Number of properties that are not in the sum. */
  readonly omitted: number | undefined;
}

const MAX_SERIES = 100;
/** A property that reports once a minute has no value in some short steps. */
const MAX_FILLED_STEPS = 6;

/** Loads a gauge of all properties, and adds their values up. */
export function useTotals(metricType: Query<'trends'>['metricType'], label: string): Totals {
  const state = useApi('trends', {
    ...rangeQuery.value,
    ...(metricType && { metricType }),
    compare: comparison.value ?? 'previous',
    groupBy: ['service', 'organizationId', 'propertyId'],
    aggregate: ['last'],
    limit: MAX_SERIES,
  });
  const chart = useMemo(() => {
    if (!state.data) return undefined;
    const { series, ...times } = toChartData(state.data, ['last'], (group) =>
      JSON.stringify(group),
    );
    const compared = series.map((item) => item.compared ?? []);
    const total = { label, values: addUp(series.map(({ values }) => values)) };
    return { ...times, series: [{ ...total, compared: addUp(compared) }] };
  }, [state.data]);
  return { state, chart, omitted: state.data?.omittedSeries };
}

function addUp(series: readonly Values[]): (number | null)[] {
  const length = Math.max(0, ...series.map((values) => values.length));
  const filled = series.map(fillGaps);
  return Array.from({ length }, (_, index) => {
    const values = filled.map((item) => item[index]).filter((value) => typeof value === 'number');
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
  });
}

/** Repeats a value in short gaps. */
function fillGaps(values: Values): Values {
  let last: number | undefined;
  let age = 0;
  return values.map((value) => {
    age = typeof value === 'number' ? 0 : age + 1;
    if (typeof value === 'number') last = value;
    return age <= MAX_FILLED_STEPS ? last : undefined;
  });
}

/** Returns the last value and its position. */
export function lastOf(values: Values): { value: number | undefined; index: number } {
  const index = values.findLastIndex((value) => typeof value === 'number');
  return { value: values[index] ?? undefined, index };
}
