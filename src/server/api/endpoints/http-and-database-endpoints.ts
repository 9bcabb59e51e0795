import { z } from 'zod';
import { queryDatabaseStats } from '../../../storage/queries/database-stats.ts';
import { queryDistributionTotals } from '../../../storage/queries/operation-totals.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import { queryRepeatedStatements } from '../../../storage/queries/request-breakdowns.ts';
import {
  queryRequestDistributionTotals,
  queryRequestTotals,
  type RequestDistributionTotals,
  STREAMS_METRIC,
  toStreamStats,
} from '../../../storage/queries/request-totals.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import {
  previousRequestsSchema,
  toPreviousColumns,
  toPreviousRequests,
} from '../schemas/previous-schemas.ts';
import {
  DIMENSION_NAMES,
  type DimensionName,
  toDimensions,
  toNamedGroup,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';
import {
  createGroupsQuerySchema,
  type GroupsParameters,
  getStatsColumns,
  groupStatsSchema,
  queryGroupsPage,
  STATS_COLUMNS,
  toGroupStats,
  toGroupsTable,
  toScores,
} from './groups-page.ts';

const REQUEST_COLUMNS = [
  ...STATS_COLUMNS,
  ...(Object.keys(schemas.REQUEST_DETAIL_FIELDS) as (keyof typeof schemas.REQUEST_DETAIL_FIELDS)[]),
] as const;

const SORT_DESCRIPTION = { description: 'Field to sort by: a metric or a dimension.' };

const groupStatsListSchema = z.array(groupStatsSchema);

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
