import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Distribution } from '../../../core/histogram/percentiles.ts';
import { type Comparison, toComparisonRange } from '../../../storage/queries/comparison.ts';
import { SLOW_QUERY_MS } from '../../../storage/queries/database-stats.ts';
import {
  type DistributionTotals,
  omitDistribution,
} from '../../../storage/queries/operation-totals.ts';
import {
  type Group,
  type Query,
  toGroupKey as toDimensionsKey,
} from '../../../storage/queries/query-definition.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { CsvTable } from '../csv-table.ts';
import type { EndpointContext } from '../endpoint-definition.ts';
import { paginate } from '../request/pagination.ts';
import { type CommonParameters, toRequestQuery } from '../request/request-query.ts';
import {
  previousStatsSchema,
  toPreviousColumns,
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
/** Parameters of endpoints that list groups, except the field to sort by. */
const GROUPS_PARAMETERS = {
  order: z.enum(['asc', 'desc']).optional().meta({
    description: 'Sort order: asc or desc. Default: asc for dimensions, desc for numbers.',
  }),
  ...createPagingParameters(50, 10_000),
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
type GroupStats = z.output<typeof groupStatsSchema>;

/** Returns the schema of the parameters of an endpoint that lists groups. */
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

export interface GroupsParameters extends CommonParameters {
  readonly compare?: Comparison | undefined;
  readonly groupBy: readonly DimensionName[];
  readonly apdexTarget: number;
  readonly sort: string;
  readonly order?: 'asc' | 'desc' | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/**
 * Returns a page of groups, and the query with the effective time range.
 *
 * @param toRow converts the totals of a group. `previous` are its totals in the range to compare with, if it has any.
 */
export async function queryGroupsPage<T extends { group: Group }, R extends GroupStats>(
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

/** Returns the Apdex, and the share of slow work in percent. */
export function toScores({ distribution }: { distribution: Distribution }, apdexTarget: number) {
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

function getSortValue(row: GroupStats, sort: string): string | number | null {
  if (isDimensionName(sort)) return row.group[sort] ?? null;
  return row[sort as Exclude<keyof GroupStats, 'group' | 'previous'>] ?? null;
}

function isDimensionName(sort: string): sort is DimensionName {
  return (DIMENSION_NAMES as readonly string[]).includes(sort);
}
