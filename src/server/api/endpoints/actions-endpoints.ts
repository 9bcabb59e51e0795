import { z } from 'zod';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';
import { type Cursor, formatCursor, parseCursor } from '../request/pagination.ts';
import { checkTimeRange, getTimeZone, parseTimeRange } from '../request/request-time-range.ts';
import {
  currentDecisionSchema,
  decisionSchema,
  decisionStatusSchema,
  forcedBreakerSchema,
} from '../schemas/action-schemas.ts';
import {
  createPagingParameters,
  FORMAT_PARAMETER,
  namesSchema,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import * as shapes from '../schemas/response-schemas.ts';

export const actionsEndpoint = defineEndpoint({
  path: '/api/performance/actions',
  methods: ['get'],
  summary: 'What services are to do now: settings that rules have set, breakers that alerts open',
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
  summary: 'What business rules decided, from which facts, and what became of it; the newest first',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    rule: namesSchema.optional().meta({ description: 'only of this rule; may be repeated' }),
    setting: namesSchema.optional().meta({ description: 'only of this setting; may be repeated' }),
    status: z
      .array(decisionStatusSchema)
      .min(1)
      .max(decisionStatusSchema.options.length)
      .optional()
      .meta({ description: `only of these: ${decisionStatusSchema.options.join(', ')}` }),
    ...TENANT_FILTER_PARAMETERS,
    ...createPagingParameters(100, 1000),
    ...FORMAT_PARAMETER,
  }),
  response: z
    .strictObject({
      ...shapes.TIME_RANGE_FIELDS,
      decisions: z.array(decisionSchema),
      nextCursor: shapes.nextCursorSchema,
    })
    .meta({ id: 'Decisions' }),
  toTable: ({ decisions }) => ({
    columns: Object.keys(decisionSchema.shape),
    rows: decisions.map((row) => ({ ...row, facts: JSON.stringify(row.facts) })),
  }),
  async handle({ dependencies, query, scope, nowMs }) {
    const cursor = query.cursor === undefined ? undefined : parseCursor(query.cursor, query);
    const range = cursor
      ? checkTimeRange(cursor.range, nowMs, 'cursor')
      : parseTimeRange(query, getTimeZone(query, dependencies.zone), nowMs);
    const { limit, rule, setting, status } = query;
    const after = cursor && parseDecisionPosition(cursor);
    const filter = { ...range, rule, setting, status, after, limit: limit + 1 };
    const found = await dependencies.actions.listDecisions(filter, narrowScope(scope, query));
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const goesOn = last !== undefined && found.length > page.length;
    return {
      ...shapes.toTimeRangeFields(range),
      decisions: page,
      nextCursor: goesOn
        ? formatCursor({ range, after: [last.at.getTime(), last.id, last.seq] }, query)
        : undefined,
    };
  },
});

function parseDecisionPosition({ after: [atMs, id, seq] }: Cursor) {
  const isTime = typeof atMs === 'number' && atMs > 0 && atMs < 8.64e15;
  if (isTime && typeof id === 'string' && typeof seq === 'number') return { atMs, id, seq };
  throw createRequestError({
    parameter: 'cursor',
    reason: 'is not one that an answer has given',
    allowed: 'the nextCursor of an answer',
  });
}
