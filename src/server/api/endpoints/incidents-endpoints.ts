import { z } from 'zod';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { paginate } from '../request/pagination.ts';
import {
  getTimeZone,
  parseTimeRange,
  type TimeRangeParameters,
} from '../request/request-time-range.ts';
import {
  acknowledgeBodySchema,
  ID_PARAMS_SCHEMA,
  severitySchema,
} from '../schemas/alert-schemas.ts';
import {
  incidentSchema,
  incidentStateSchema,
  timelineEntrySchema,
} from '../schemas/incident-schemas.ts';
import {
  createFilterParameters,
  createPagingParameters,
  RANGE_PARAMETERS,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import {
  nextCursorSchema,
  TIME_RANGE_FIELDS,
  toTimeRangeFields,
} from '../schemas/response-schemas.ts';

export const incidentsEndpoint = defineEndpoint({
  path: '/api/performance/incidents',
  methods: ['get'],
  summary:
    'Lists incidents that were open in the time range, open incidents first. Default range: the last 7 days.',
  permission: 'read',
  query: z.strictObject({
    ...RANGE_PARAMETERS,
    state: z
      .array(incidentStateSchema)
      .min(1)
      .max(3)
      .optional()
      .meta({
        description: `States to return: one or more of ${incidentStateSchema.options.join(', ')}. Default: open and resolved.`,
      }),
    severity: z
      .array(severitySchema)
      .min(1)
      .max(4)
      .optional()
      .meta({
        description: `Severities to return: one or more of ${severitySchema.options.join(', ')}.`,
      }),
    ...createFilterParameters('service'),
    ...TENANT_FILTER_PARAMETERS,
    ...createPagingParameters(50, 500),
  }),
  response: z
    .strictObject({
      ...TIME_RANGE_FIELDS,
      incidents: z.array(incidentSchema),
      nextCursor: nextCursorSchema,
    })
    .meta({ id: 'Incidents' }),
  async handle({ dependencies, query, scope, nowMs }) {
    const zone = getTimeZone(query, dependencies.zone);
    const range = parseTimeRange(withDefaultRange(query), zone, nowMs);
    const { state = ['open', 'resolved'], severity, service } = query;
    const narrowed = narrowScope(scope, query);
    const dbQuery = { scope: narrowed, range };
    const page = await paginate({ query, nowMs, dbQuery, order: 'desc' }, async (pinned) => {
      const filter = { state, severity, service };
      const list = await dependencies.incidents.list(filter, pinned.range, narrowed);
      return list.map((row) => ({ row, key: row.id, value: toSortValue(row) }));
    });
    return {
      ...toTimeRangeFields(page.dbQuery.range),
      incidents: page.groups,
      nextCursor: page.nextCursor,
    };
  },
});

/** Sorts open incidents first, and then by the start. A start in ms is smaller than the offset. */
function toSortValue({ state, startedAt }: { state: string; startedAt: Date }): number {
  return (state === 'open' ? 1e14 : 0) + startedAt.getTime();
}

/** Defaults to 7 days, because the usual 15 minutes contain few incidents. */
function withDefaultRange(query: TimeRangeParameters): TimeRangeParameters {
  const hasRange = (query.from ?? query.to ?? query.last) !== undefined;
  return hasRange ? query : { ...query, last: '7d' };
}

export const incidentEndpoint = defineEndpoint({
  path: '/api/performance/incidents/:id',
  methods: ['get'],
  summary: 'Returns an incident with its alerts, likely causes, affected tenants, and timeline.',
  operation: 'incident',
  permission: 'read',
  params: ID_PARAMS_SCHEMA,
  query: z.strictObject({}),
  response: z
    .strictObject({ incident: incidentSchema, timeline: z.array(timelineEntrySchema) })
    .meta({ id: 'OneIncident' }),
  handle: ({ dependencies, params, scope }) => dependencies.incidents.get(params.id ?? '', scope),
});

export const acknowledgeIncidentEndpoint = defineEndpoint({
  path: '/api/performance/incidents/:id/acknowledge',
  operation: 'acknowledgeIncident',
  methods: ['post'],
  summary: "Acknowledges an incident's firing alerts with a comment.",
  permission: 'acknowledge',
  params: ID_PARAMS_SCHEMA,
  body: acknowledgeBodySchema,
  query: z.strictObject({}),
  response: z.strictObject({ incident: incidentSchema }).meta({ id: 'AcknowledgedIncident' }),
  isMutating: true,
  async handle({ dependencies, params: { id = '' }, body, principal, address, scope }) {
    const { comment } = acknowledgeBodySchema.parse(body);
    const { subject: author } = principal;
    const incident = dependencies.incidents.acknowledge(id, comment, { author, scope });
    const [organizationId, ...others] = incident.organizations;
    dependencies.access.audit({
      author,
      address,
      action: 'incident.acknowledge',
      object: id,
      organizationId: others.length === 0 ? organizationId : undefined,
      propertyId: undefined,
      detail: { comment, alerts: incident.alertCount },
    });
    return { incident };
  },
});
