import { REPEATED_STATEMENTS_METRIC_NAME } from '../../../core/request-breakdown.ts';
import {
  EVENT_LOOP_BLOCK_METRIC_NAME,
  HELD_CONNECTIONS_METRIC_NAME,
  REPEATED_EXECUTIONS_METRIC_NAME,
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
} from '../../../core/suggestion-metrics.ts';
import {
  COUNT,
  createSum,
  METRICS_TABLE,
  VALUE_AGGREGATIONS,
} from '../../../storage/queries/aggregation-tables.ts';
import type { Dimension, Query } from '../../../storage/queries/query-definition.ts';
import { toNumber } from '../../../storage/queries/row-values.ts';
import {
  type Aggregation,
  type ResultRow,
  runQuery,
  type Selection,
} from '../../../storage/queries/run-query.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { inValues, type Sql, sql } from '../../../storage/sql/sql-builder.ts';
import {
  GC_METRIC_NAME,
  HEAP_LIMIT_METRIC_NAME,
  HEAP_USED_METRIC_NAME,
} from '../detectors/gc-pressure.ts';
import {
  POOL_COUNT_METRIC_NAME,
  POOL_MAX_METRIC_NAME,
  POOL_PENDING_METRIC_NAME,
  POOL_WAIT_METRIC_NAME,
} from '../detectors/pool-facts.ts';
import { BY_ENDPOINT, type GaugeFact, type SeriesFact } from './suggestion-facts.ts';

const EVIDENCE_METRICS = [
  REPEATED_STATEMENTS_METRIC_NAME,
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
  REPEATED_EXECUTIONS_METRIC_NAME,
  EVENT_LOOP_BLOCK_METRIC_NAME,
  POOL_WAIT_METRIC_NAME,
];
const POOL_METRICS = [
  POOL_COUNT_METRIC_NAME,
  POOL_MAX_METRIC_NAME,
  POOL_PENDING_METRIC_NAME,
  HELD_CONNECTIONS_METRIC_NAME,
];
const PROCESS_METRICS = [GC_METRIC_NAME, HEAP_USED_METRIC_NAME, HEAP_LIMIT_METRIC_NAME];

/** The latest value of a gauge takes more time than all others together, so only pools have it. */
const { last: _last, last_at: _lastAt, ...VALUES } = VALUE_AGGREGATIONS;
const SERIES_AGGREGATIONS = {
  ...VALUES,
  count: COUNT,
  total: createSum(sql`sum(sum)`),
  first_at: { rows: sql`min(timestamp)`, rollup: sql`min(timestamp)`, mergeWith: 'min' },
  row_at: { rows: sql`max(timestamp)`, rollup: sql`max(timestamp)`, mergeWith: 'max' },
} as const satisfies Record<string, Aggregation>;
const GAUGE_AGGREGATIONS = { ...SERIES_AGGREGATIONS, ...VALUE_AGGREGATIONS };

/** Reads all database statements. @throws PS_UNAVAILABLE, PS_REQUEST_TOO_LARGE */
export function readStatements(queryClient: QueryClient, query: Query): Promise<SeriesFact[]> {
  return readSeries(queryClient, query, [sql`metric_type = ${'DATABASE_QUERY_TIME'}`]);
}

/** Reads the metrics that are evidence for suggestions. @throws PS_UNAVAILABLE, PS_REQUEST_TOO_LARGE */
export function readEvidence(queryClient: QueryClient, query: Query): Promise<SeriesFact[]> {
  const conditions = [sql`metric_type = ${'CUSTOM'}`, inValues('name', EVIDENCE_METRICS)];
  return readSeries(queryClient, query, conditions);
}

async function readSeries(
  queryClient: QueryClient,
  query: Query,
  conditions: readonly Sql[],
): Promise<SeriesFact[]> {
  const groupBy = ['name', ...BY_ENDPOINT] as const;
  const rows = await readRows(queryClient, query, groupBy, {
    aggregations: SERIES_AGGREGATIONS,
    conditions,
  });
  return rows.map(({ group, row }) => ({
    name: group.name ?? '',
    service: group.service ?? '',
    endpoint: group.endpoint,
    operation: group.operation,
    count: toNumber(row.count) ?? 0,
    total: toNumber(row.total) ?? 0,
    max: toNumber(row.maximum) ?? 0,
    increase: toNumber(row.value_total) ?? 0,
    firstMs: toNumber(row.first_at) ?? query.range.fromMs,
    lastMs: toNumber(row.row_at) ?? query.range.toMs,
  }));
}

/** Reads the gauges of connection pools by process. @throws PS_UNAVAILABLE, PS_REQUEST_TOO_LARGE */
export function readPools(queryClient: QueryClient, query: Query): Promise<GaugeFact[]> {
  const groupBy = ['name', ...BY_ENDPOINT, 'instance'] as const;
  return readGauges(queryClient, query, groupBy, POOL_METRICS, GAUGE_AGGREGATIONS);
}

/** Reads garbage collection and heaps by process. @throws PS_UNAVAILABLE, PS_REQUEST_TOO_LARGE */
export function readProcesses(queryClient: QueryClient, query: Query): Promise<GaugeFact[]> {
  const groupBy = ['name', 'service', 'instance'] as const;
  return readGauges(queryClient, query, groupBy, PROCESS_METRICS, SERIES_AGGREGATIONS);
}

async function readGauges(
  queryClient: QueryClient,
  query: Query,
  groupBy: readonly Dimension[],
  names: readonly string[],
  aggregations: Selection['aggregations'],
): Promise<GaugeFact[]> {
  const conditions = [inValues('name', names)];
  const rows = await readRows(queryClient, query, groupBy, { aggregations, conditions });
  return rows.flatMap(({ group, row }) => {
    const samples = toNumber(row.samples) ?? 0;
    if (samples === 0) return [];
    const average = (toNumber(row.value_total) ?? 0) / samples;
    return {
      name: group.name ?? '',
      service: group.service ?? '',
      instance: group.instance ?? '',
      endpoint: group.endpoint,
      operation: group.operation,
      ...{ samples, average },
      min: toNumber(row.minimum) ?? average,
      max: toNumber(row.maximum) ?? average,
      last: toNumber(row.last) ?? toNumber(row.maximum) ?? average,
      total: toNumber(row.total) ?? 0,
      firstMs: toNumber(row.first_at) ?? query.range.fromMs,
      lastMs: toNumber(row.last_at ?? row.row_at) ?? query.range.toMs,
    };
  });
}

function readRows(
  queryClient: QueryClient,
  query: Query,
  groupBy: readonly Dimension[],
  selection: Selection,
): Promise<ResultRow[]> {
  return runQuery(queryClient, METRICS_TABLE, { ...query, groupBy, step: undefined }, selection);
}
