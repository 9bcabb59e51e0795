import { z } from 'zod';
import { narrowScope } from '../../../core/tenant-scope.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import {
  alertRuleSchema,
  alertSchema,
  alertStateSchema,
  ID_PARAMS_SCHEMA,
  severitySchema,
  transitionSchema,
} from '../schemas/alert-schemas.ts';
import {
  createFilterParameters,
  namesSchema,
  TENANT_FILTER_PARAMETERS,
} from '../schemas/query-parameters.ts';
import { timeSchema } from '../schemas/response-schemas.ts';

export const alertsEndpoint = defineEndpoint({
  path: '/api/performance/alerts',
  methods: ['get'],
  summary: 'Alerts that go on, the worst first; with state=resolved also those of the last day',
  permission: 'read',
  query: z.strictObject({
    state: z
      .array(alertStateSchema)
      .min(1)
      .max(4)
      .optional()
      .meta({ description: 'only in these states' }),
    severity: z
      .array(severitySchema)
      .min(1)
      .max(4)
      .optional()
      .meta({ description: 'only so severe' }),
    rule: namesSchema.optional().meta({ description: 'only of this rule; may be repeated' }),
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
  summary: 'One alert and all that it did, the newest first',
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

const acknowledgeBodySchema = z.strictObject({ comment: z.string().min(1).max(2000) });

export const acknowledgeEndpoint = defineEndpoint({
  path: '/api/performance/alerts/:id/acknowledge',
  methods: ['post'],
  summary: 'Take a firing alert on, with a comment',
  permission: 'acknowledge',
  params: ID_PARAMS_SCHEMA,
  body: acknowledgeBodySchema,
  query: z.strictObject({}),
  response: z.strictObject({ alert: alertSchema }).meta({ id: 'Acknowledged' }),
  isMutating: true,
  async handle({ dependencies, params: { id = '' }, body: sent, principal, address, scope }) {
    const { comment } = acknowledgeBodySchema.parse(sent);
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
  summary: 'Alert rules, how their last evaluation went, and how well targets were met',
  permission: 'read',
  query: z.strictObject({}),
  response: z
    .strictObject({
      rules: z.array(alertRuleSchema),
      file: z.string().optional(),
      loadedAt: timeSchema,
      problems: z
        .array(z.string())
        .meta({ description: 'What is wrong with the file now; the rules before it run on' }),
    })
    .meta({ id: 'Rules' }),
  handle: ({ dependencies, scope }) => dependencies.alerts.listRules(scope),
});
