import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Distribution } from '../../../core/histogram/percentiles.ts';
import { type Comparison, toComparisonRange } from '../../../storage/queries/comparison.ts';
import { queryDatabaseStats, SLOW_QUERY_MS } from '../../../storage/queries/database-stats.ts';
import {
  type DistributionTotals,
  omitDistribution,
  queryDistributionTotals,
} from '../../../storage/queries/operation-totals.ts';
import {
  type Group,
  type Query,
  toGroupKey as toDimensionsKey,
} from '../../../storage/queries/query-definition.ts';
import { queryRepeatedStatements } from '../../../storage/queries/request-breakdowns.ts';
import {
  queryRequestDistributionTotals,
  queryRequestTotals,
  type RequestDistributionTotals,
  STREAMS_METRIC,
  toStreamStats,
} from '../../../storage/queries/request-totals.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { CsvTable } from '../csv-table.ts';
import { defineEndpoint, type EndpointContext } from '../endpoint-definition.ts';
import { paginate } from '../request/pagination.ts';
import { type CommonParameters, toRequestQuery } from '../request/request-query.ts';
import {
  previousRequestsSchema,
  previousStatsSchema,
  toPreviousColumns,
  toPreviousRequests,
  toPreviousStats,
} from '../schemas/previous-schemas.ts';
import {
  APDEX_TARGET_PARAMETER,
  COMPARE_PARAMETER,
  createGroupByParameter,
  createPagingParameters,
  DIMENSION_NAMES,
  type DimensionName,
  FILTER_PARAMETERS,
  FORMAT_PARAMETER,
  INCLUDE_TEST_PARAMETER,
  RANGE_PARAMETERS,
  toDimensions,
  toNamedGroup,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

export const STATS_COLUMNS = [
  ...(Object.keys(schemas.STATS_FIELDS) as (keyof typeof schemas.STATS_FIELDS)[]),
  'apdex',
  'slowShare',
] as const;
const REQUEST_COLUMNS = [
  ...STATS_COLUMNS,
  ...(Object.keys(schemas.REQUEST_DETAIL_FIELDS) as (keyof typeof schemas.REQUEST_DETAIL_FIELDS)[]),
] as const;

const SORT_DESCRIPTION = { description: 'Field to sort by: a metric or a dimension.' };

/** Parameters of endpoints that list groups, except the field to sort by. */
const GROUPS_PARAMETERS = {
  order: z.enum(['asc', 'desc']).optional().meta({
    description: 'Sort order: asc or desc. Default: asc for dimensions, desc for numbers.',
  }),
  ...createPagingParameters(50, 1000),
  ...FORMAT_PARAMETER,
};

export const groupStatsSchema = z
  .strictObject({
    group: schemas.groupSchema,
    ...schemas.STATS_FIELDS,
    apdex: schemas.optionalNumberSchema,
    slowShare: schemas.optionalNumberSchema,
    previous: previousStatsSchema.optional(),
  })
  .meta({
    id: 'WorkGroup',
    description:
      'Metrics of a group. `slowShare` is the percentage that took over 500 ms. `apdex` is 0 to 1.',
  });
const groupStatsListSchema = z.array(groupStatsSchema);
type GroupStats = z.output<typeof groupStatsSchema>;

const repeatedStatementSchema = z
  .strictObject({
    statement: z.string(),
    requests: z.number(),
    average: z.number(),
    max: z.number(),
  })
  .meta({
    id: 'RepeatedStatement',
    description:
      'The statement that most requests ran at least 5 times. `average` and `max` are executions per request.',
  });

const requestGroupSchema = z
  .strictObject({
    ...groupStatsSchema.shape,
    ...schemas.REQUEST_DETAIL_FIELDS,
    repeatedStatement: repeatedStatementSchema.optional(),
    previous: previousRequestsSchema.optional(),
  })
  .meta({
    id: 'RequestGroup',
    description:
      'Metrics of a group of requests. Aborted requests are only in `abortedCount` and `abortedRate`.',
  });
type RequestGroup = z.output<typeof requestGroupSchema>;

const streamGroupSchema = z
  .strictObject({ group: schemas.groupSchema, ...schemas.STREAM_FIELDS })
  .meta({
    id: 'StreamGroup',
    description:
      'A group of long-lived responses that ended. `average` and `max` are the time that they were open, in ms.',
  });

export function createGroupsQuerySchema<S extends z.ZodType<string>>(
  sort: S,
  ...groupBy: readonly DimensionName[]
) {
  return z.strictObject({
    ...RANGE_PARAMETERS,
    ...COMPARE_PARAMETER,
    ...createGroupByParameter(...groupBy),
    ...APDEX_TARGET_PARAMETER,
    sort,
    ...GROUPS_PARAMETERS,
    ...FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
  });
}

interface GroupsParameters extends CommonParameters {
  readonly compare?: Comparison | undefined;
  readonly groupBy: readonly DimensionName[];
  readonly apdexTarget: number;
  readonly sort: string;
  readonly order?: 'asc' | 'desc' | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export const endpointsEndpoint = defineEndpoint({
  path: '/api/performance/endpoints',
  methods: ['get'],
  summary: 'Returns request metrics by endpoint or by other dimensions, and streams separately.',
  permission: 'read',
  query: createGroupsQuerySchema(
    z
      .enum([...REQUEST_COLUMNS, ...DIMENSION_NAMES])
      .default('count')
      .meta(SORT_DESCRIPTION),
    'endpoint',
    'operation',
  ),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      endpoints: z.array(requestGroupSchema),
      streams: z.array(streamGroupSchema).meta({
        description:
          'The groups with the most streams, up to `limit`. Only the first page contains streams.',
      }),
      nextCursor: schemas.nextCursorSchema,
    })
    .meta({ id: 'Endpoints' }),
  toTable: ({ endpoints }, query) =>
    toGroupsTable(endpoints, query, [
      ...REQUEST_COLUMNS,
      ...(query.compare ? toPreviousColumns(previousRequestsSchema) : []),
    ]),
  async handle(context) {
    const { query, dependencies } = context;
    const { dbQuery, groups, nextCursor } = await queryGroupsPage(
      context,
      queryRequestDistributionTotals,
      toRequestGroup,
    );
    const streams =
      query.cursor === undefined
        ? await queryStreamGroups(dependencies.queryClient, dbQuery, query)
        : [];
    const endpoints = await addRepeatedStatements(
      dependencies.queryClient,
      dbQuery,
      query.groupBy,
      groups,
    );
    return { ...schemas.toTimeRangeFields(dbQuery.range), endpoints, streams, nextCursor };
  },
});

/** Adds the most repeated statement to each group with a route. */
async function addRepeatedStatements(
  queryClient: QueryClient,
  dbQuery: Query,
  names: readonly DimensionName[],
  groups: readonly RequestGroup[],
): Promise<RequestGroup[]> {
  const groupBy = toDimensions(names);
  if (!groupBy.includes('endpoint')) return [...groups];
  const statements = await queryRepeatedStatements(queryClient, { ...dbQuery, groupBy });
  const keyNames = [...new Set(names)].filter((name) => name !== 'operation');
  const toKey = ({ group }: RequestGroup) =>
    JSON.stringify(keyNames.map((name) => group[name] ?? null));
  return groups.map((each) => ({ ...each, repeatedStatement: statements.get(toKey(each)) }));
}

async function queryStreamGroups(
  queryClient: QueryClient,
  dbQuery: Query,
  { groupBy, limit }: GroupsParameters,
) {
  const grouped = { ...dbQuery, groupBy: toDimensions(groupBy), step: undefined };
  const totals = await queryRequestTotals(queryClient, grouped, STREAMS_METRIC);
  return totals
    .sort((a, b) => b.count - a.count)
    .slice(0, limit)
    .map((each) => ({ group: toNamedGroup(each.group), ...toStreamStats(each) }));
}

export const databaseEndpoint = defineEndpoint({
  path: '/api/performance/database',
  methods: ['get'],
  summary:
    'Returns metrics for database statements and connections, and the percentage of slow queries.',
  permission: 'read',
  query: createGroupsQuerySchema(
    z
      .enum([...STATS_COLUMNS, ...DIMENSION_NAMES])
      .default('count')
      .meta(SORT_DESCRIPTION),
    'endpoint',
    'operation',
  ),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      figures: schemas.databaseStatsSchema,
      statements: groupStatsListSchema,
      nextCursor: schemas.nextCursorSchema,
    })
    .meta({ id: 'Database', description: 'The `endpoint` of a group is a normalized statement.' }),
  toTable: ({ statements }, query) => toGroupsTable(statements, query, getStatsColumns(query)),
  async handle(context) {
    const { dbQuery, groups, nextCursor } = await queryGroupsPage(
      context,
      (queryClient, query) =>
        queryDistributionTotals(queryClient, query, { metricType: 'DATABASE_QUERY_TIME' }),
      toGroupStats,
    );
    const figures = await queryDatabaseStats(context.dependencies.queryClient, dbQuery);
    return { ...schemas.toTimeRangeFields(dbQuery.range), figures, statements: groups, nextCursor };
  },
});

/**
 * Returns a page of groups, and the query with the effective time range.
 *
 * @param toRow converts the totals of a group. `previous` are its totals in the range to compare with, if it has any.
 */
export async function queryGroupsPage<
  T extends { group: Group },
  R extends GroupStats | RequestGroup,
>(
  context: EndpointContext<GroupsParameters>,
  queryTotals: (queryClient: QueryClient, query: Query) => Promise<T[]>,
  toRow: (totals: T, apdexTarget: number, previous?: T) => R,
): Promise<{ dbQuery: Query; groups: R[]; nextCursor: string | undefined }> {
  const { query, dependencies, nowMs } = context;
  const { dbQuery, zone } = toRequestQuery(context);
  const { compare, sort, order = isDimensionName(sort) ? 'asc' : 'desc' } = query;
  return paginate({ query, nowMs, dbQuery, order }, async (pinned) => {
    const grouped = { ...pinned, groupBy: toDimensions(query.groupBy), step: undefined };
    const [totals, previous] = await Promise.all([
      queryTotals(dependencies.queryClient, grouped),
      compare
        ? queryTotals(dependencies.queryClient, {
            ...grouped,
            range: toComparisonRange(pinned.range, compare, zone),
          })
        : [],
    ]);
    const previousByGroup = new Map(previous.map((each) => [toDimensionsKey(each.group), each]));
    return totals.map((groupTotals) => {
      const previousTotals = previousByGroup.get(toDimensionsKey(groupTotals.group));
      const row = toRow(groupTotals, query.apdexTarget, previousTotals);
      return { row, key: toGroupKey(row, query.groupBy), value: getSortValue(row, sort) };
    });
  });
}

/** Returns a unique key of a group. Long keys are hashed, because cursors contain them. */
function toGroupKey({ group }: GroupStats, names: readonly DimensionName[]): string {
  const text = JSON.stringify(names.map((name) => group[name] ?? null));
  return text.length <= 500 ? text : createHash('sha256').update(text).digest('hex');
}

export function toGroupStats(
  totals: DistributionTotals,
  apdexTarget: number,
  previous?: DistributionTotals,
): GroupStats {
  const { group, bucket: _, ...stats } = omitDistribution(totals);
  return {
    group: toNamedGroup(group),
    ...stats,
    ...toScores(totals, apdexTarget),
    previous: previous && toPreviousStats(previous),
  };
}

function toRequestGroup(
  totals: RequestDistributionTotals,
  apdexTarget: number,
  previous?: RequestDistributionTotals,
): RequestGroup {
  const { group, bucket: _, distribution: __, ...stats } = totals;
  return {
    group: toNamedGroup(group),
    ...stats,
    ...toScores(totals, apdexTarget),
    previous: previous && toPreviousRequests(previous),
  };
}

function toScores({ distribution }: { distribution: Distribution }, apdexTarget: number) {
  const slowShare = distribution.computeShareAbove(SLOW_QUERY_MS);
  return {
    apdex: distribution.computeApdex(apdexTarget),
    slowShare: slowShare === undefined ? undefined : 100 * slowShare,
  };
}

/** Returns the columns of groups without details of requests. */
export function getStatsColumns({ compare }: Pick<GroupsParameters, 'compare'>): string[] {
  return [...STATS_COLUMNS, ...(compare ? toPreviousColumns(previousStatsSchema) : [])];
}

/** Converts groups to a table with a column for each dimension and each metric. */
export function toGroupsTable(
  groups: readonly object[],
  { groupBy }: Pick<GroupsParameters, 'groupBy'>,
  columns: readonly string[],
): CsvTable {
  return {
    columns: [...groupBy, ...columns],
    rows: (groups as GroupStats[]).map(({ group, ...stats }) => ({ ...group, ...stats })),
  };
}

function getSortValue(row: GroupStats | RequestGroup, sort: string): string | number | null {
  if (isDimensionName(sort)) return row.group[sort] ?? null;
  return row[sort as Exclude<keyof GroupStats, 'group' | 'previous'>] ?? null;
}

function isDimensionName(sort: string): sort is DimensionName {
  return (DIMENSION_NAMES as readonly string[]).includes(sort);
}
