import { z } from 'zod';
import { narrow } from '../../schema/scope.ts';
import { decision, decisionStatus } from '../action-shapes.ts';
import { type Cursor, cursorText, readCursor } from '../cursor.ts';
import { endpoint } from '../endpoint.ts';
import { FORMAT, names, paging, RANGE, TENANT_FILTERS } from '../parameters.ts';
import { refusal } from '../refusal.ts';
import * as shapes from '../shapes.ts';
import { checkedRange, rangeOf, zoneOf } from '../time-range.ts';

export const decisionsEndpoint = endpoint({
  path: '/api/performance/decisions',
  methods: ['get'],
  summary: 'What business rules decided, from which facts, and what became of it; the newest first',
  permission: 'read',
  query: z.strictObject({
    ...RANGE,
    rule: names.optional().meta({ description: 'only of this rule; may be repeated' }),
    setting: names.optional().meta({ description: 'only of this setting; may be repeated' }),
    status: z
      .array(decisionStatus)
      .min(1)
      .max(decisionStatus.options.length)
      .optional()
      .meta({ description: `only of these: ${decisionStatus.options.join(', ')}` }),
    ...TENANT_FILTERS,
    ...paging(100, 1000),
    ...FORMAT,
  }),
  response: z
    .strictObject({
      ...shapes.OF_TIME,
      decisions: z.array(decision),
      nextCursor: shapes.nextCursor,
    })
    .meta({ id: 'Decisions' }),
  table: ({ decisions }) => ({
    columns: Object.keys(decision.shape),
    rows: decisions.map((row) => ({ ...row, facts: JSON.stringify(row.facts) })),
  }),
  async handle({ parts, query, scope, nowMs }) {
    const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor, query);
    const range = cursor
      ? checkedRange(cursor.range, nowMs, 'cursor')
      : rangeOf(query, zoneOf(query, parts.zone), nowMs);
    const { limit, rule, setting, status } = query;
    const after = cursor && positionOf(cursor);
    const filter = { ...range, rule, setting, status, after, limit: limit + 1 };
    const found = await parts.actions.decisions(filter, narrow(scope, query));
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const goesOn = last !== undefined && found.length > page.length;
    return {
      ...shapes.ofTime(range),
      decisions: page,
      nextCursor: goesOn
        ? cursorText({ range, after: [last.at.getTime(), last.id, last.seq] }, query)
        : undefined,
    };
  },
});

function positionOf({ after: [atMs, id, seq] }: Cursor) {
  const isTime = typeof atMs === 'number' && atMs > 0 && atMs < 8.64e15;
  if (isTime && typeof id === 'string' && typeof seq === 'number') return { atMs, id, seq };
  throw refusal({
    parameter: 'cursor',
    reason: 'is not one that an answer has given',
    allowed: 'the nextCursor of an answer',
  });
}
