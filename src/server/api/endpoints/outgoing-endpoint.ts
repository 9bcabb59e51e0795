import { z } from 'zod';
import {
  type OutgoingTotals,
  queryOutgoingTotals,
} from '../../../storage/queries/outgoing-calls.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { DIMENSION_NAMES } from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';
import {
  createGroupsQuerySchema,
  getStatsColumns,
  groupStatsSchema,
  queryGroupsPage,
  STATS_COLUMNS,
  toGroupStats,
  toGroupsTable,
} from './groups-page.ts';

const outgoingGroupSchema = z
  .strictObject({
    ...groupStatsSchema.shape,
    errorRates: z.record(z.string(), z.number()).meta({
      description: 'Percentage of the calls that failed, by kind of error.',
      example: { refused: 92, timeout: 3 },
    }),
  })
  .meta({
    id: 'OutgoingGroup',
    description:
      'Metrics of a group of calls to other hosts. The `endpoint` of a group is the host.',
  });
type OutgoingGroup = z.output<typeof outgoingGroupSchema>;

export const outgoingEndpoint = defineEndpoint({
  path: '/api/performance/outgoing',
  methods: ['get'],
  summary: 'Returns metrics of calls to other hosts: rate, errors by kind, and duration.',
  permission: 'read',
  query: createGroupsQuerySchema(
    z
      .enum([...STATS_COLUMNS, ...DIMENSION_NAMES])
      .default('count')
      .meta({ description: 'Field to sort by: a metric or a dimension.' }),
    'endpoint',
  ),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      hosts: z.array(outgoingGroupSchema),
      nextCursor: schemas.nextCursorSchema,
    })
    .meta({ id: 'Outgoing' }),
  toTable: ({ hosts }, query) =>
    toGroupsTable(
      hosts.map((host) => ({ ...host, errorRates: JSON.stringify(host.errorRates) })),
      query,
      [...getStatsColumns(query), 'errorRates'],
    ),
  async handle(context) {
    const { dbQuery, groups, nextCursor } = await queryGroupsPage(
      context,
      queryOutgoingTotals,
      toOutgoingGroup,
    );
    return { ...schemas.toTimeRangeFields(dbQuery.range), hosts: groups, nextCursor };
  },
});

function toOutgoingGroup(
  { errorRates, ...totals }: OutgoingTotals,
  apdexTarget: number,
  previous?: OutgoingTotals,
): OutgoingGroup {
  return { ...toGroupStats(totals, apdexTarget, previous), errorRates };
}
