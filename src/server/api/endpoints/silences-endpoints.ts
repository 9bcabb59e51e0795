import { z } from 'zod';
import type { Actor } from '../../access/api-key-store.ts';
import type { SilenceView } from '../../alerts/service/alert-views.ts';
import { defineEndpoint, type EndpointContext } from '../endpoint-definition.ts';
import { ID_PARAMS_SCHEMA, silenceSchema } from '../schemas/alert-schemas.ts';

const optionalNameSchema = z.string().min(1).max(512).optional();

/** Documents the body. `createSilence` validates it in detail. */
const silenceBodySchema = z.strictObject({
  matchers: z.array(z.string()).meta({
    description:
      'Matchers such as service="booking", with =, !=, =~, or !~. An alert must match all of them.',
  }),
  startsAt: z.iso.datetime({ offset: true }).optional(),
  endsAt: z.iso.datetime({ offset: true }).optional(),
  duration: z.string().optional().meta({ description: 'Duration instead of endsAt, such as 2h.' }),
  recurrence: z
    .looseObject({})
    .optional()
    .meta({ description: 'Recurring maintenance window. See docs/alerts.md.' }),
  comment: z.string(),
  organizationId: optionalNameSchema,
  propertyId: optionalNameSchema,
});
const silencesResponseSchema = z
  .strictObject({ silences: z.array(silenceSchema) })
  .meta({ id: 'Silences' });

export const silencesEndpoint = defineEndpoint({
  path: '/api/performance/silences',
  methods: ['get', 'post'],
  summary: 'Lists silences and maintenance windows.',
  postSummary: 'Creates a silence, and returns it.',
  permission: 'read',
  writePermission: 'acknowledge',
  body: silenceBodySchema,
  query: z.strictObject({}),
  response: silencesResponseSchema,
  async handle({ dependencies, method, body, principal, address, scope }) {
    if (method !== 'post') return { silences: dependencies.alerts.listSilences(scope) };
    const { organizationId, propertyId, ...entry } = silenceBodySchema.parse(body);
    const tenant = { organizationId, propertyId };
    const silence = await dependencies.alerts.createSilence(entry, tenant, {
      author: principal.subject,
      scope,
    });
    auditSilence(dependencies, 'silence.create', silence, { author: principal.subject, address });
    return { silences: [silence] };
  },
});

export const silenceEndpoint = defineEndpoint({
  path: '/api/performance/silences/:id',
  methods: ['delete'],
  summary: 'Ends a silence immediately.',
  operation: 'silence',
  permission: 'acknowledge',
  params: ID_PARAMS_SCHEMA,
  query: z.strictObject({}),
  response: silencesResponseSchema,
  isMutating: true,
  async handle({ dependencies, params: { id = '' }, principal, address, scope }) {
    const ended = await dependencies.alerts.endSilence(id, { author: principal.subject, scope });
    auditSilence(dependencies, 'silence.end', ended, { author: principal.subject, address });
    return { silences: [ended] };
  },
});

function auditSilence(
  dependencies: EndpointContext<unknown>['dependencies'],
  action: string,
  { id, matchers, comment, organizationId, propertyId }: SilenceView,
  actor: Actor,
): void {
  const detail = { matchers, comment };
  dependencies.access.audit({ ...actor, action, object: id, detail, organizationId, propertyId });
}
