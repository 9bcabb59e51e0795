import { z } from 'zod';
import { DAY_MS, MINUTE_MS, parseDuration } from '../../../core/duration.ts';
import { getRangeLengthMs } from '../../../storage/queries/time-range.ts';
import { EXPLAIN_DATABASES } from '../../suggestions/explain/explain-result.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { createRequestError } from '../problem-details.ts';
import { toQuery } from '../request/request-query.ts';
import { getTimeZone, parseTimeRange } from '../request/request-time-range.ts';
import { ID_PARAMS_SCHEMA } from '../schemas/alert-schemas.ts';
import {
  createFilterParameters,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import { TIME_RANGE_FIELDS, toTimeRangeFields } from '../schemas/response-schemas.ts';
import {
  dismissalSchema,
  suggestionKindSchema,
  suggestionSchema,
} from '../schemas/suggestion-schemas.ts';

const DEFAULT_LAST = '1h';
const MAX_RANGE_MS = 7 * DAY_MS;
const MAX_DISMISSAL_MS = 366 * DAY_MS;

export const suggestionsEndpoint = defineEndpoint({
  path: '/api/performance/suggestions',
  methods: ['get'],
  summary:
    'Returns suggestions with their evidence, expected gain, and next step, largest gain first. Default range: the last hour. Maximum: 7 days.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    kind: z
      .array(suggestionKindSchema)
      .min(1)
      .max(suggestionKindSchema.options.length)
      .optional()
      .meta({ description: 'Limits the response to this kind. Can be repeated.' }),
    ...createFilterParameters('service', 'environment'),
    ...TENANT_FILTER_PARAMETERS,
    dismissed: z.boolean().default(false).meta({
      description: 'Whether to return the dismissed suggestions instead of the others.',
    }),
  }),
  response: z
    .strictObject({
      ...TIME_RANGE_FIELDS,
      suggestions: z.array(suggestionSchema),
      dismissals: z.array(dismissalSchema).meta({
        description:
          'All dismissals in effect that the caller can undo. Empty unless `dismissed` is true.',
      }),
      incomplete: z.array(z.string()).meta({
        description:
          'Data with too many groups to be read. Suggestions that need it are missing. Use a shorter range or a filter.',
      }),
    })
    .meta({ id: 'Suggestions' }),
  async handle({ dependencies, query, scope, nowMs }) {
    const { from, to, last = from === undefined ? DEFAULT_LAST : undefined } = query;
    const zone = getTimeZone(query, dependencies.zone);
    const range = parseTimeRange({ from, to, last }, zone, nowMs);
    if (getRangeLengthMs(range) > MAX_RANGE_MS + MINUTE_MS) {
      throw createRequestError({
        parameter: from === undefined ? 'last' : 'from',
        reason: 'is too long ago for suggestions',
        allowed: 'a range of at most 7 days',
      });
    }
    const { service, environment, organizationId, propertyId, kind: kinds, dismissed } = query;
    const { filter = {} } = toQuery({ service, environment }, scope, range);
    const found = await dependencies.suggestions.list(
      { range, filter, organizationId, propertyId, kinds, dismissed },
      scope,
    );
    return { ...toTimeRangeFields(range), ...found };
  },
});

const dismissBodySchema = z.strictObject({
  comment: z.string().trim().min(1).max(2000).meta({ description: 'Reason for the dismissal.' }),
  duration: z.string().optional().meta({
    description: 'Length of the dismissal, such as 7d, at most 366d. Default: no end.',
  }),
});

export const dismissSuggestionEndpoint = defineEndpoint({
  path: '/api/performance/suggestions/:id/dismiss',
  methods: ['post', 'delete'],
  summary: 'Shows a dismissed suggestion again.',
  postSummary:
    "Dismisses a suggestion, for a time or without an end. A tenant's dismissal affects only the tenant.",
  operation: 'dismissSuggestion',
  permission: 'acknowledge',
  params: ID_PARAMS_SCHEMA,
  body: dismissBodySchema,
  query: z.strictObject({}),
  response: z.strictObject({ dismissals: z.array(dismissalSchema) }).meta({ id: 'Dismissals' }),
  isMutating: true,
  async handle({ dependencies, method, params: { id = '' }, body, principal, address, scope }) {
    const { suggestions, access } = dependencies;
    const actor = { author: principal.subject, scope };
    const isDismissal = method === 'post';
    const dismissals = isDismissal
      ? await suggestions.dismiss(id, parseDismissal(body), actor)
      : await suggestions.restore(id, actor);
    for (const { kind, title, comment, until, organizationId, propertyId } of dismissals) {
      access.audit({
        ...{ author: principal.subject, address, object: id, organizationId, propertyId },
        action: isDismissal ? 'suggestion.dismiss' : 'suggestion.restore',
        detail: { kind, title, comment, until },
      });
    }
    return { dismissals };
  },
});

function parseDismissal(body: unknown) {
  const { comment, duration } = dismissBodySchema.parse(body);
  if (duration === undefined) return { comment, durationMs: undefined };
  const durationMs = parseDuration(duration);
  if (durationMs === undefined || durationMs <= 0 || durationMs > MAX_DISMISSAL_MS) {
    throw createRequestError({
      parameter: 'duration',
      reason: 'is not a duration from 1ms to 366d',
      allowed: 'a duration such as 12h or 7d',
    });
  }
  return { comment, durationMs };
}

export const explainSuggestionEndpoint = defineEndpoint({
  path: '/api/performance/suggestions/:id/explain',
  methods: ['post'],
  summary:
    'Runs EXPLAIN for the statement of a suggestion, and returns the suggestion with the plan. Never executes the statement.',
  operation: 'explainSuggestion',
  permission: 'administer',
  params: ID_PARAMS_SCHEMA,
  body: z.strictObject({
    database: z.enum(EXPLAIN_DATABASES).optional().meta({
      description: 'Database to use. Default: the database that fits the statement.',
    }),
  }),
  query: z.strictObject({}),
  response: z
    .strictObject({
      suggestion: suggestionSchema,
      reason: z.string().optional().meta({
        description: 'Why the statement was not explained. Missing if there is a plan.',
      }),
    })
    .meta({ id: 'ExplainedSuggestion' }),
  isMutating: true,
  async handle({ dependencies, params: { id = '' }, body, principal, address, scope }) {
    const { suggestions, access } = dependencies;
    const { database } = (body ?? {}) as { database?: (typeof EXPLAIN_DATABASES)[number] };
    const explained = await suggestions.explain(id, database, scope);
    access.audit({
      ...{ author: principal.subject, address, action: 'suggestion.explain', object: id },
      detail: { statement: explained.suggestion.statement, reason: explained.reason },
    });
    return explained;
  },
});
