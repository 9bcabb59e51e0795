import { z } from 'zod';
import type { SilenceView } from '../../alerts/service/alert-views.ts';
import { defineEndpoint, type EndpointContext } from '../endpoint-definition.ts';
import { ID_PARAMS_SCHEMA, silenceSchema } from '../schemas/alert-schemas.ts';

const optionalNameSchema = z.string().min(1).max(512).optional();

/** What is sent is looked at closely where silences are made; this tells of it. */
const silenceBodySchema = z.strictObject({
  matchers: z.array(z.string()).meta({
    description: 'as service="booking", with =, !=, =~ or !~; all of them must match',
  }),
  startsAt: z.iso.datetime({ offset: true }).optional(),
  endsAt: z.iso.datetime({ offset: true }).optional(),
  duration: z.string().optional().meta({ description: 'instead of endsAt, as 2h' }),
  recurrence: z.looseObject({}).optional().meta({ description: 'as docs/alerts.md explains' }),
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
  summary: 'Silences and maintenance windows; POST makes one and answers with it',
  permission: 'read',
  writePermission: 'acknowledge',
  body: silenceBodySchema,
  query: z.strictObject({}),
  response: silencesResponseSchema,
  async handle({ dependencies, method, body: sent, principal, address, scope }) {
    if (method !== 'post') return { silences: dependencies.alerts.listSilences(scope) };
    const { organizationId, propertyId, ...entry } = silenceBodySchema.parse(sent);
    const tenant = { organizationId, propertyId };
    const made = await dependencies.alerts.createSilence(entry, tenant, {
      author: principal.subject,
      scope,
    });
    auditSilence(dependencies, 'silence.create', made, { author: principal.subject, address });
    return { silences: [made] };
  },
});

export const silenceEndpoint = defineEndpoint({
  path: '/api/performance/silences/:id',
  methods: ['delete'],
  summary: 'End a silence now',
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
  by: { author: string; address: string | undefined },
): void {
  const detail = { matchers, comment };
  dependencies.access.audit({ ...by, action, object: id, detail, organizationId, propertyId });
}
