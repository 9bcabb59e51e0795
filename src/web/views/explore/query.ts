import type { ApiResponse, Query } from '../../../client/api-types.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { caller } from '../../api/session.ts';
import type { BandAggregate } from '../../data/band.tsx';
import type { AggregateName } from '../../data/trend-data.ts';
import type { ChartKind } from '../../design/chart-options.ts';
import type { Unit } from '../../format/quantities.ts';
import { getParameter, getParameters, globalFilters } from '../../url/view-state.ts';

type TrendsQuery = Query<'trends'>;
type MetricType = ApiResponse<'trends'>['metricType'];
export type CatalogMetric = ApiResponse<'catalog'>['metrics'][number];
type GroupDimension = NonNullable<TrendsQuery['groupBy']>[number];

/** Dimensions to filter by in this view. The tenant and the environment are filters of the page. */
export const FILTER_DIMENSIONS = [
  'service',
  'endpoint',
  'operation',
  'version',
  'instance',
  'queue',
] as const;
export type FilterDimension = (typeof FILTER_DIMENSIONS)[number];

export const GROUP_DIMENSIONS: readonly GroupDimension[] = [
  'service',
  'endpoint',
  'operation',
  'version',
  'environment',
  'instance',
  'queue',
  'queueScope',
  'organizationId',
  'propertyId',
];

export const AGGREGATES: readonly (readonly [AggregateName, string])[] = [
  ['average', 'mean'],
  ['p50', 'median'],
  ['p90', 'p90'],
  ['p95', 'p95'],
  ['p99', 'p99'],
  ['p999', 'p99.9'],
  ['min', 'lowest'],
  ['max', 'highest'],
  ['rate', 'rate'],
  ['count', 'count'],
  ['errorRate', 'failed'],
  ['apdex', 'Apdex'],
  ['last', 'newest'],
  ['sum', 'sum'],
];

export const STEPS = ['10s', '30s', '1m', '5m', '15m', '1h', '6h', '1d'] as const;
export const CHART_KINDS: readonly ChartKind[] = ['line', 'area', 'stacked'];

/** Metric types whose newest value counts, because they have no distribution. */
const GAUGES: readonly string[] = [
  'DATABASE_CONNECTIONS',
  'QUEUE_DEPTH',
  'CPU_USAGE',
  'MEMORY_USAGE',
  'DISK_USAGE',
  'HEAP_USAGE',
  'ACTIVE_USERS',
  'ONGOING_RESERVATIONS',
  'BREAKER_STATE',
];

/** What the view shows. All of it is in the URL. */
export interface ExploreState {
  readonly metricType: MetricType;
  /** Name of a custom metric. */
  readonly name: string | undefined;
  readonly aggregates: readonly AggregateName[];
  readonly groupBy: readonly GroupDimension[];
  readonly filters: readonly (readonly [FilterDimension, readonly string[]])[];
  readonly step: string | undefined;
  readonly kind: ChartKind;
}

/** Reads the state from the URL. Unknown values are ignored. */
export function readState(): ExploreState {
  const metricType = (getParameter('metric') ?? 'API_RESPONSE_TIME') as MetricType;
  const aggregates = getParameters('aggregate').filter((name) =>
    AGGREGATES.some(([known]) => known === name),
  ) as AggregateName[];
  return {
    metricType,
    name: getParameter('name'),
    aggregates:
      aggregates.length > 0 ? aggregates : [GAUGES.includes(metricType) ? 'average' : 'p95'],
    groupBy: GROUP_DIMENSIONS.filter((name) => getParameters('groupBy').includes(name)),
    filters: FILTER_DIMENSIONS.flatMap((name) => {
      const values = getParameters(name);
      return values.length > 0 ? [[name, values] as const] : [];
    }),
    step: STEPS.find((step) => step === getParameter('step')),
    kind: CHART_KINDS.find((kind) => kind === getParameter('chart')) ?? 'line',
  };
}

/** The parameters of `/trends` that differ from the defaults. */
export function toTrendsQuery(state: ExploreState): TrendsQuery {
  return {
    ...rangeQuery.value,
    metricType: state.metricType,
    aggregate: [...state.aggregates],
    ...(state.name && { name: [state.name] }),
    ...(state.groupBy.length > 0 && { groupBy: [...state.groupBy] }),
    ...(state.step && { step: state.step }),
    ...Object.fromEntries(state.filters.map(([name, values]) => [name, [...values]])),
  };
}

const BAND_AGGREGATES: readonly AggregateName[] = [
  ...(['average', 'p50', 'p90', 'p95', 'p99'] as const),
  ...(['rate', 'count', 'errorRate', 'last'] as const),
];

/** The aggregate whose normal values can be shown. Several series would need several bands. */
export function findBandAggregate({
  aggregates,
  groupBy,
}: ExploreState): BandAggregate | undefined {
  const [first] = aggregates;
  if (groupBy.length > 0 || aggregates.length !== 1 || !first) return undefined;
  return BAND_AGGREGATES.includes(first) ? (first as BandAggregate) : undefined;
}

/** The parameters of `/bands` for the series in the chart. */
export function toBandQuery(state: ExploreState): Partial<Query<'bands'>> {
  const { groupBy: _, aggregate: _unused, ...rest } = toTrendsQuery(state);
  return rest as Partial<Query<'bands'>>;
}

/** All filters, including the page's filters. */
export function listFilters(state: ExploreState): (readonly [string, readonly string[]])[] {
  return [...state.filters, ...Object.entries(globalFilters.value)];
}

/** The unit of an aggregate. */
export function aggregateUnit(aggregate: AggregateName, metricUnit: Unit): Unit {
  if (aggregate === 'errorRate') return '%';
  if (aggregate === 'rate') return '/s';
  if (aggregate === 'count' || aggregate === 'apdex') return '1';
  return metricUnit;
}

export function aggregateLabel(aggregate: AggregateName): string {
  return AGGREGATES.find(([name]) => name === aggregate)?.[1] ?? aggregate;
}

/** Callers of one organization see neither instances nor other organizations. */
export function isVisibleDimension(dimension: string): boolean {
  if (!caller.value?.organizationId) return true;
  return dimension !== 'instance' && dimension !== 'organizationId';
}
