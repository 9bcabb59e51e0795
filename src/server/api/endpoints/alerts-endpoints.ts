import { z } from 'zod';
import { nameSchema } from '../../../core/config-files/config-validation.ts';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import {
  formatStep,
  getTimeZone,
  parseTimeRange,
  toDurationMs,
} from '../request/request-time-range.ts';
import {
  acknowledgeBodySchema,
  alertRuleSchema,
  alertSchema,
  alertStateSchema,
  directionSchema,
  ID_PARAMS_SCHEMA,
  severitySchema,
  thresholdSchema,
  transitionSchema,
} from '../schemas/alert-schemas.ts';
import {
  createFilterParameters,
  createNameFilter,
  RANGE_PARAMETERS,
  STEP_PARAMETER,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import {
  optionalNumberSchema,
  optionalTextSchema,
  TIME_RANGE_FIELDS,
  timeSchema,
  toTimeRangeFields,
} from '../schemas/response-schemas.ts';

export const alertsEndpoint = defineEndpoint({
  path: '/api/performance/alerts',
  methods: ['get'],
  summary:
    'Lists active alerts, most severe first. With state=resolved, lists alerts resolved in the last 24 hours.',
  permission: 'read',
  query: z.strictObject({
    state: z
      .array(alertStateSchema)
      .min(1)
      .max(4)
      .optional()
      .meta({
        description: `States to return: one or more of ${alertStateSchema.options.join(', ')}.`,
      }),
    severity: z
      .array(severitySchema)
      .min(1)
      .max(4)
      .optional()
      .meta({
        description: `Severities to return: one or more of ${severitySchema.options.join(', ')}.`,
      }),
    rule: createNameFilter('rule'),
    ...createFilterParameters('service'),
    ...TENANT_FILTER_PARAMETERS,
  }),
  response: z.strictObject({ alerts: z.array(alertSchema) }).meta({ id: 'Alerts' }),
  async handle({ dependencies, query, scope }) {
    return { alerts: await dependencies.alerts.listAlerts(query, narrowScope(scope, query)) };
  },
});

export const alertEndpoint = defineEndpoint({
  path: '/api/performance/alerts/:id',
  methods: ['get'],
  summary: 'Returns an alert with its history, newest first.',
  operation: 'alert',
  permission: 'read',
  params: ID_PARAMS_SCHEMA,
  query: z.strictObject({}),
  response: z
    .strictObject({ alert: alertSchema, transitions: z.array(transitionSchema) })
    .meta({ id: 'OneAlert' }),
  handle: ({ dependencies, params, scope }) =>
    dependencies.alerts.getHistory(params.id ?? '', scope),
});

export const alertSeriesEndpoint = defineEndpoint({
  path: '/api/performance/alerts/:id/series',
  methods: ['get'],
  summary:
    "Returns an alert's value over time, with its thresholds and transitions. Default range: from an hour before the alert started until now, or an hour after it was resolved.",
  permission: 'read',
  params: ID_PARAMS_SCHEMA,
  query: z.strictObject({ ...RANGE_PARAMETERS, ...STEP_PARAMETER }),
  response: z
    .strictObject({
      ...TIME_RANGE_FIELDS,
      step: optionalTextSchema,
      points: z.array(z.strictObject({ at: timeSchema, value: optionalNumberSchema })).meta({
        description: 'The values of the rule. A missing value means that there was none.',
      }),
      thresholds: z.array(thresholdSchema),
      direction: directionSchema.optional(),
      unit: optionalTextSchema.meta({ description: 'Unit of the values (UCUM).' }),
      transitions: z.array(transitionSchema),
      note: optionalTextSchema.meta({
        description: 'Why the points are only the values when the alert changed.',
      }),
    })
    .meta({ id: 'AlertSeries' }),
  async handle({ dependencies, params: { id = '' }, query, scope, nowMs }) {
    const hasRange = (query.from ?? query.to ?? query.last) !== undefined;
    const zone = getTimeZone(query, dependencies.zone);
    const request = {
      range: hasRange ? parseTimeRange(query, zone, nowMs) : undefined,
      stepMs: query.step === undefined ? undefined : toDurationMs(query.step),
      healthIntervalMs: dependencies.healthIntervalMs,
    };
    const { range, stepMs, ...series } = await dependencies.alerts.getSeries(id, request, scope);
    const step = stepMs === undefined ? undefined : formatStep(stepMs);
    return { ...toTimeRangeFields(range), step, ...series };
  },
});

export const acknowledgeEndpoint = defineEndpoint({
  path: '/api/performance/alerts/:id/acknowledge',
  methods: ['post'],
  summary: 'Acknowledges a firing alert with a comment.',
  permission: 'acknowledge',
  params: ID_PARAMS_SCHEMA,
  body: acknowledgeBodySchema,
  query: z.strictObject({}),
  response: z.strictObject({ alert: alertSchema }).meta({ id: 'Acknowledged' }),
  isMutating: true,
  async handle({ dependencies, params: { id = '' }, body, principal, address, scope }) {
    const { comment } = acknowledgeBodySchema.parse(body);
    const { subject: author } = principal;
    const acknowledged = dependencies.alerts.acknowledge(id, comment, { author, scope });
    const { organization: organizationId, property: propertyId } = acknowledged.labels;
    dependencies.access.audit({
      author,
      address,
      action: 'alert.acknowledge',
      object: id,
      organizationId,
      propertyId,
      detail: { rule: acknowledged.rule, comment },
    });
    return { alert: acknowledged };
  },
});

export const rulesEndpoint = defineEndpoint({
  path: '/api/performance/rules',
  methods: ['get'],
  summary:
    'Lists alert rules with the result of their last evaluation and how often targets were met.',
  permission: 'read',
  query: z.strictObject({}),
  response: z
    .strictObject({
      rules: z.array(alertRuleSchema),
      file: z.string().optional(),
      loadedAt: timeSchema,
      problems: z.array(z.string()).meta({
        description:
          'Problems in the current rules file. Until they are fixed, the previous rules stay in effect.',
      }),
    })
    .meta({ id: 'Rules' }),
  handle: ({ dependencies, scope }) => dependencies.alerts.listRules(scope),
});

export const ruleEndpoint = defineEndpoint({
  path: '/api/performance/rules/:id',
  methods: ['get'],
  summary: 'Returns an alert rule. `id` is the name of the rule.',
  operation: 'rule',
  permission: 'read',
  params: z.strictObject({ id: nameSchema.meta({ description: 'The `name` from the list.' }) }),
  query: z.strictObject({}),
  response: z.strictObject({ rule: alertRuleSchema }).meta({ id: 'OneRule' }),
  async handle({ dependencies, params: { id = '' }, scope }) {
    return { rule: await dependencies.alerts.getRule(id, scope) };
  },
});
