import { z } from 'zod';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { cutPage, getRowKeys, parsePageStart, parseRowPosition } from '../request/pagination.ts';
import { getTimeZone, parseTimeRange } from '../request/request-time-range.ts';
import {
  currentDecisionSchema,
  decisionSchema,
  decisionStatusSchema,
  forcedBreakerSchema,
} from '../schemas/action-schemas.ts';
import {
  createNameFilter,
  createPagingParameters,
  FORMAT_PARAMETER,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

export const actionsEndpoint = defineEndpoint({
  path: '/api/performance/actions',
  methods: ['get'],
  summary:
    'Returns the settings that rules have changed and the circuit breakers that alerts keep open.',
  permission: 'read',
  query: z.strictObject({}),
  response: z
    .strictObject({
      decisions: z.array(currentDecisionSchema),
      breakers: z.array(forcedBreakerSchema),
    })
    .meta({ id: 'Actions' }),
  async handle({ dependencies, scope }) {
    return {
      decisions: dependencies.actions.listActiveSettings(scope),
      breakers: dependencies.actions.listForcedBreakers(scope),
    };
  },
});

export const decisionsEndpoint = defineEndpoint({
  path: '/api/performance/decisions',
  methods: ['get'],
  summary: 'Lists decisions of business rules with their facts and results, newest first.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    rule: createNameFilter('rule'),
    setting: createNameFilter('setting'),
    status: z
      .array(decisionStatusSchema)
      .min(1)
      .max(decisionStatusSchema.options.length)
      .optional()
      .meta({
        description: `Statuses to return: one or more of ${decisionStatusSchema.options.join(', ')}.`,
      }),
    ...TENANT_FILTER_PARAMETERS,
    ...createPagingParameters(100, 1000),
    ...FORMAT_PARAMETER,
  }),
  response: z
    .strictObject({
      ...schemas.TIME_RANGE_FIELDS,
      decisions: z.array(decisionSchema),
      nextCursor: schemas.nextCursorSchema,
    })
    .meta({ id: 'Decisions' }),
  toTable: ({ decisions }) => ({
    columns: Object.keys(decisionSchema.shape),
    rows: decisions.map((row) => ({ ...row, facts: JSON.stringify(row.facts) })),
  }),
  async handle({ dependencies, query, scope, nowMs }) {
    const { range, after } = parsePageStart(query, nowMs, () =>
      parseTimeRange(query, getTimeZone(query, dependencies.zone), nowMs),
    );
    const { limit, rule, setting, status } = query;
    const decisions = await dependencies.actions.listDecisions(
      {
        ...range,
        rule,
        setting,
        status,
        after: after && parseRowPosition(after),
        limit: limit + 1,
      },
      narrowScope(scope, query),
    );
    const { page, nextCursor } = cutPage(decisions, range, query, getRowKeys);
    return { ...schemas.toTimeRangeFields(range), decisions: page, nextCursor };
  },
});
