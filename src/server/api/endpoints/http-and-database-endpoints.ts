import { createHash } from 'node:crypto';
import { z } from 'zod';
import { queryDatabaseStats, SLOW_QUERY_MS } from '../../../storage/queries/database-stats.ts';
import {
  type DistributionTotals,
  type MetricSelector,
  omitDistribution,
  queryDistributionTotals,
} from '../../../storage/queries/operation-totals.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import type { CsvTable } from '../csv-table.ts';
import { defineEndpoint, type EndpointContext } from '../endpoint-definition.ts';
import { paginate } from '../request/pagination.ts';
import { type CommonParameters, toRequestQuery } from '../request/request-query.ts';
import {
  APDEX_TARGET_PARAMETER,
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

const STATS_COLUMNS = [
  ...(Object.keys(schemas.STATS_FIELDS) as (keyof typeof schemas.STATS_FIELDS)[]),
  'apdex',
  'slowShare',
] as const;
const SORT_FIELDS = [...STATS_COLUMNS, ...DIMENSION_NAMES] as const;

/** Parameters of endpoints that list groups. */
const GROUPS_PARAMETERS = {
  ...createGroupByParameter('endpoint', 'operation'),
  ...APDEX_TARGET_PARAMETER,
  sort: z
    .enum(SORT_FIELDS)
    .default('count')
    .meta({ description: 'Field to sort by: a metric or a dimension.' }),
  order: z.enum(['asc', 'desc']).optional().meta({
    description: 'Sort order: asc or desc. Default: asc for dimensions, desc for numbers.',
  }),
  ...createPagingParameters(50, 1000),
  ...FORMAT_PARAMETER,
};

const groupStatsSchema = z
  .strictObject({
    group: schemas.groupSchema,
    ...schemas.STATS_FIELDS,
    apdex: schemas.optionalNumberSchema,
    slowShare: schemas.optionalNumberSchema,
  })
  .meta({
    id: 'WorkGroup',
    description:
      'Metrics of a group. `slowShare` is the percentage that took over 500 ms. `apdex` is 0 to 1.',
  });
const groupStatsListSchema = z.array(groupStatsSchema);
type GroupStats = z.output<typeof groupStatsSchema>;

const groupsQuerySchema = z.strictObject({
  ...RANGE_PARAMETERS,
  ...GROUPS_PARAMETERS,
  ...FILTER_PARAMETERS,
  ...INCLUDE_TEST_PARAMETER,
});

interface GroupsParameters extends CommonParameters {
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
  summary: 'Returns request metrics by endpoint or by other dimensions.',
  permission: 'read',
  query: groupsQuerySchema,
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      endpoints: groupStatsListSchema,
      nextCursor: schemas.nextCursorSchema,
    })
    .meta({ id: 'Endpoints' }),
  toTable: ({ endpoints }, query) => toGroupsTable(endpoints, query.groupBy),
  async handle(context) {
    const { dbQuery, groups, nextCursor } = await queryGroupsPage(context, {
      metricType: 'API_RESPONSE_TIME',
    });
    return { ...schemas.toTimeRangeFields(dbQuery.range), endpoints: groups, nextCursor };
  },
});

export const databaseEndpoint = defineEndpoint({
  path: '/api/performance/database',
  methods: ['get'],
  summary:
    'Returns metrics for database statements and connections, and the percentage of slow queries.',
  permission: 'read',
  query: groupsQuerySchema,
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      figures: schemas.databaseStatsSchema,
      statements: groupStatsListSchema,
      nextCursor: schemas.nextCursorSchema,
    })
    .meta({ id: 'Database', description: 'The `endpoint` of a group is a normalized statement.' }),
  toTable: ({ statements }, query) => toGroupsTable(statements, query.groupBy),
  async handle(context) {
    const { dbQuery, groups, nextCursor } = await queryGroupsPage(context, {
      metricType: 'DATABASE_QUERY_TIME',
    });
    const figures = await queryDatabaseStats(context.dependencies.queryClient, dbQuery);
    return { ...schemas.toTimeRangeFields(dbQuery.range), figures, statements: groups, nextCursor };
  },
});

/** Returns a page of groups, and the query with the effective time range. */
async function queryGroupsPage(
  context: EndpointContext<GroupsParameters>,
  selector: MetricSelector,
): Promise<{ dbQuery: Query; groups: GroupStats[]; nextCursor: string | undefined }> {
  const { query, dependencies, nowMs } = context;
  const { dbQuery } = toRequestQuery(context);
  const { sort, order = isDimensionName(sort) ? 'asc' : 'desc' } = query;
  return paginate({ query, nowMs, dbQuery, order }, async (pinned) => {
    const grouped = { ...pinned, groupBy: toDimensions(query.groupBy), step: undefined };
    const totals = await queryDistributionTotals(dependencies.queryClient, grouped, selector);
    return totals.map((groupTotals) => {
      const row = toGroupStats(groupTotals, query.apdexTarget);
      return { row, key: toGroupKey(row, query.groupBy), value: getSortValue(row, sort) };
    });
  });
}

/** Returns a unique key of a group. Long keys are hashed, because cursors contain them. */
function toGroupKey({ group }: GroupStats, names: readonly DimensionName[]): string {
  const text = JSON.stringify(names.map((name) => group[name] ?? null));
  return text.length <= 500 ? text : createHash('sha256').update(text).digest('hex');
}

function toGroupStats(totals: DistributionTotals, apdexTarget: number): GroupStats {
  const { group, bucket: _, ...stats } = omitDistribution(totals);
  const slowShare = totals.distribution.computeShareAbove(SLOW_QUERY_MS);
  return {
    group: toNamedGroup(group),
    ...stats,
    apdex: totals.distribution.computeApdex(apdexTarget),
    slowShare: slowShare === undefined ? undefined : 100 * slowShare,
  };
}

/** Converts groups to a table with a column for each dimension and each metric. */
function toGroupsTable(groups: readonly object[], names: readonly DimensionName[]): CsvTable {
  return {
    columns: [...names, ...STATS_COLUMNS],
    rows: (groups as GroupStats[]).map(({ group, ...stats }) => ({ ...group, ...stats })),
  };
}

function getSortValue(row: GroupStats, sort: string): string | number | null {
  if (isDimensionName(sort)) return row.group[sort] ?? null;
  return row[sort as Exclude<keyof GroupStats, 'group'>] ?? null;
}

function isDimensionName(sort: string): sort is DimensionName {
  return (DIMENSION_NAMES as readonly string[]).includes(sort);
}
