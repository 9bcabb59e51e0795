import { z } from 'zod';
import { ERROR_KINDS, ERROR_LEVELS } from '../../schema/error-logs.ts';
import { type ErrorGroup, errorGroups } from '../../windows/errors.ts';
import { endpoint } from '../endpoint.ts';
import { jsonOf } from '../json-text.ts';
import { page } from '../page.ts';
import { FORMAT, filters, names, paging, RANGE, TENANT_FILTERS } from '../parameters.ts';
import { askedBy } from '../question-of.ts';
import * as shapes from '../shapes.ts';

const text = z.string().optional();
const time = z.string();
const SORTS = ['count', 'firstSeen', 'lastSeen'] as const;

const FACTS = { kind: text, level: text, type: text, message: text, endpoint: text, service: text };

const example = z
  .strictObject({
    at: time,
    id: z.string(),
    stackTrace: text,
    context: z.unknown(),
    alertId: text,
    version: text,
    environment: text,
    instance: text,
    organizationId: text,
    propertyId: text,
    userId: text,
  })
  .meta({ id: 'ErrorExample', description: 'The last occurrence of an error' });

const error = z
  .strictObject({
    fingerprint: z.string(),
    count: z.number(),
    firstSeen: time,
    lastSeen: time,
    ...FACTS,
    example,
  })
  .meta({ id: 'TrackedError', description: 'Occurrences with the same fingerprint' });

export const errorsEndpoint = endpoint({
  path: '/api/performance/errors',
  methods: ['get'],
  summary: 'Errors by fingerprint: uncaught ones, failed jobs, requests with 5xx, critical alerts',
  permission: 'read',
  query: z.strictObject({
    ...RANGE,
    kind: z
      .array(z.enum(ERROR_KINDS))
      .min(1)
      .max(ERROR_KINDS.length)
      .optional()
      .meta({ description: `only of these kinds: ${ERROR_KINDS.join(', ')}` }),
    level: z
      .array(z.enum(ERROR_LEVELS))
      .min(1)
      .max(ERROR_LEVELS.length)
      .optional()
      .meta({ description: `only of these levels: ${ERROR_LEVELS.join(', ')}` }),
    fingerprint: names.optional().meta({ description: 'only of this error; may be repeated' }),
    ...filters('service', 'version', 'environment', 'endpoint'),
    ...TENANT_FILTERS,
    sort: z
      .enum(SORTS)
      .default('lastSeen')
      .meta({ description: `what to sort by: one of ${SORTS.join(', ')}` }),
    order: z.enum(['asc', 'desc']).default('desc').meta({ description: 'asc or desc' }),
    ...paging(50, 1000),
    ...FORMAT,
  }),
  response: z
    .strictObject({
      ...shapes.OF_TIME,
      errors: z.array(error),
      nextCursor: shapes.nextCursor,
    })
    .meta({ id: 'Errors' }),
  table: ({ errors }) => ({
    columns: ['fingerprint', 'count', 'firstSeen', 'lastSeen', ...Object.keys(FACTS)],
    rows: errors.map(({ example: _, ...row }) => row),
  }),
  async handle(context) {
    const { query, parts, nowMs } = context;
    const { question: asked } = askedBy(context);
    const { kind, level, fingerprint, service, version, environment, endpoint: path } = query;
    const filter = { kind, level, fingerprint, service, version, environment, endpoint: path };
    const { order, sort } = query;
    const { question, groups, nextCursor } = await page(
      { query, nowMs, question: asked, order },
      async (pinned) =>
        (await errorGroups(parts.store, pinned, filter)).map((group) => ({
          row: rowOf(group),
          key: group.fingerprint,
          value: Number(group[sort]),
        })),
    );
    return { ...shapes.ofTime(question.range), errors: groups, nextCursor };
  },
});

function rowOf({ example: last, ...group }: ErrorGroup) {
  const { kind, level, type, message, endpoint: path, service, context, ...rest } = last;
  return {
    ...group,
    kind,
    level,
    type,
    message,
    endpoint: path,
    service,
    example: { ...rest, context: jsonOf(context) },
  };
}
