import { createHash } from 'node:crypto';
import { z } from 'zod';
import { queryDatabaseStats, SLOW_QUERY_MS } from '../../../storage/queries/database-stats.ts';
import {
  type DistributionTotals,
  type MetricSelector,
  omitDistribution,
  queryDistributionTotals,
} from '../../../storage/queries/metric-totals.ts';
import type { Query } from '../../../storage/queries/query.ts';
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
import * as shapes from '../schemas/response-schemas.ts';
import { groupSchema, optionalNumberSchema, STATS_FIELDS } from '../schemas/response-schemas.ts';

const STATS_COLUMNS = [...Object.keys(STATS_FIELDS), 'apdex', 'slowShare'] as const;
const SORT_FIELDS = [...STATS_COLUMNS, ...DIMENSION_NAMES] as [string, ...string[]];

/** Parameters of a list of groups with their figures. */
const GROUPS_PARAMETERS = {
  ...createGroupByParameter('endpoint', 'operation'),
  ...APDEX_TARGET_PARAMETER,
  sort: z
    .enum(SORT_FIELDS)
    .default('count')
    .meta({ description: `what to sort by: one of ${SORT_FIELDS.join(', ')}` }),
  order: z
    .enum(['asc', 'desc'])
    .optional()
    .meta({ description: 'asc or desc; default: the greatest first, names ascending' }),
  ...createPagingParameters(50, 1000),
  ...FORMAT_PARAMETER,
};

const groupStatsSchema = z
  .strictObject({
    group: groupSchema,
    ...STATS_FIELDS,
    apdex: optionalNumberSchema,
    slowShare: optionalNumberSchema,
  })
  .meta({
    id: 'WorkGroup',
    description: 'slowShare: percent that took over 500 ms; apdex: 0 to 1',
  });
const groupStatsListSchema = z.array(groupStatsSchema);
type GroupStats = z.output<typeof groupStatsSchema>;

interface GroupsParameters extends CommonParameters {
  readonly groupBy: readonly DimensionName[];
  readonly apdexTarget: number;
  readonly sort: string;
  readonly order?: 'asc' | 'desc' | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One page of the groups of what was measured, and the question that it answers. */
async function queryGroupsPage(
  context: EndpointContext<GroupsParameters>,
  measured: MetricSelector,
): Promise<{ question: Query; groups: GroupStats[]; nextCursor: string | undefined }> {
  const { query, dependencies, nowMs } = context;
  const { question } = toRequestQuery(context);
  const { sort, order = isDimensionName(sort) ? 'asc' : 'desc' } = query;
  return paginate({ query, nowMs, question, order }, async (pinned) => {
    const grouped = { ...pinned, groupBy: toDimensions(query.groupBy), step: undefined };
    const found = await queryDistributionTotals(dependencies.queryClient, grouped, measured);
    return found.map((each) => {
      const row = toGroupStats(each, query.apdexTarget);
      return { row, key: toGroupKey(row, query.groupBy), value: getSortValue(row, sort) };
    });
  });
}

/** Its names; where they are long a hash of them, because cursors carry it. */
function toGroupKey({ group: of }: GroupStats, names: readonly DimensionName[]): string {
  const text = JSON.stringify(names.map((name) => of[name] ?? null));
  return text.length <= 500 ? text : createHash('sha256').update(text).digest('hex');
}

function toGroupStats(found: DistributionTotals, apdexTarget: number): GroupStats {
  const { group: of, bucket: _, ...figures } = omitDistribution(found);
  const slow = found.distribution.computeShareAbove(SLOW_QUERY_MS);
  return {
    group: toNamedGroup(of),
    ...figures,
    apdex: found.distribution.computeApdex(apdexTarget),
    slowShare: slow === undefined ? undefined : 100 * slow,
  };
}

/** The groups as a table: a column for each name, and for each figure. */
function toGroupsTable(groups: readonly object[], names: readonly DimensionName[]): CsvTable {
  return {
    columns: [...names, ...STATS_COLUMNS],
    rows: groups.map((each) => {
      const { group: of, ...figures } = each as GroupStats;
      return { ...of, ...figures };
    }),
  };
}

function getSortValue(row: GroupStats, sort: string): string | number | null {
  if (isDimensionName(sort)) return row.group[sort] ?? null;
  return row[sort as Exclude<keyof GroupStats, 'group'>] ?? null;
}

function isDimensionName(sort: string): sort is DimensionName {
  return (DIMENSION_NAMES as readonly string[]).includes(sort);
}

export const endpointsEndpoint = defineEndpoint({
  path: '/api/performance/endpoints',
  methods: ['get'],
  summary: 'Requests by endpoint, or by any other names',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...GROUPS_PARAMETERS,
    ...FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
  }),
  response: z
    .strictObject({
      ...shapes.TIME_RANGE_FIELDS,
      endpoints: groupStatsListSchema,
      nextCursor: shapes.nextCursorSchema,
    })
    .meta({ id: 'Endpoints' }),
  toTable: ({ endpoints }, query) => toGroupsTable(endpoints, query.groupBy),
  async handle(context) {
    const { question, groups, nextCursor } = await queryGroupsPage(context, {
      metricType: 'API_RESPONSE_TIME',
    });
    return { ...shapes.toTimeRangeFields(question.range), endpoints: groups, nextCursor };
  },
});

export const databaseEndpoint = defineEndpoint({
  path: '/api/performance/database',
  methods: ['get'],
  summary: 'Database statements by fingerprint, connections and the share of slow ones',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    ...GROUPS_PARAMETERS,
    ...FILTER_PARAMETERS,
    ...INCLUDE_TEST_PARAMETER,
  }),
  response: z
    .strictObject({
      ...shapes.TIME_RANGE_FIELDS,
      figures: shapes.databaseStatsSchema,
      statements: groupStatsListSchema,
      nextCursor: shapes.nextCursorSchema,
    })
    .meta({ id: 'Database', description: 'The endpoint of a group is its statement' }),
  toTable: ({ statements }, query) => toGroupsTable(statements, query.groupBy),
  async handle(context) {
    const { question, groups, nextCursor } = await queryGroupsPage(context, {
      metricType: 'DATABASE_QUERY_TIME',
    });
    const figures = await queryDatabaseStats(context.dependencies.queryClient, question);
    return { ...shapes.toTimeRangeFields(question.range), figures, statements: groups, nextCursor };
  },
});
