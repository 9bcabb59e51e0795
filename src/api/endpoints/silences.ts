import { z } from 'zod';
import type { SilenceView } from '../../schema/alert-desk.ts';
import { ID, silence } from '../alert-shapes.ts';
import { type Context, endpoint } from '../endpoint.ts';

const name = z.string().min(1).max(512).optional();

/** What is sent is looked at closely where silences are made; this tells of it. */
const body = z.strictObject({
  matchers: z.array(z.string()).meta({
    description: 'as service="booking", with =, !=, =~ or !~; all of them must match',
  }),
  startsAt: z.iso.datetime({ offset: true }).optional(),
  endsAt: z.iso.datetime({ offset: true }).optional(),
  duration: z.string().optional().meta({ description: 'instead of endsAt, as 2h' }),
  recurrence: z.looseObject({}).optional().meta({ description: 'as docs/alerts.md explains' }),
  comment: z.string(),
  organizationId: name,
  propertyId: name,
});
const response = z.strictObject({ silences: z.array(silence) }).meta({ id: 'Silences' });

export const silencesEndpoint = endpoint({
  path: '/api/performance/silences',
  methods: ['get', 'post'],
  summary: 'Silences and maintenance windows; POST makes one and answers with it',
  permission: 'read',
  changePermission: 'acknowledge',
  body,
  query: z.strictObject({}),
  response,
  async handle({ parts, method, body: sent, principal, address, scope }) {
    if (method !== 'post') return { silences: parts.alerts.silences(scope) };
    const { organizationId, propertyId, ...entry } = body.parse(sent);
    const tenant = { organizationId, propertyId };
    const made = await parts.alerts.silence(entry, tenant, { author: principal.subject, scope });
    noted(parts, 'silence.create', made, { author: principal.subject, address });
    return { silences: [made] };
  },
});

export const silenceEndpoint = endpoint({
  path: '/api/performance/silences/:id',
  methods: ['delete'],
  summary: 'End a silence now',
  operation: 'silence',
  permission: 'acknowledge',
  params: ID,
  query: z.strictObject({}),
  response,
  changes: true,
  async handle({ parts, params: { id = '' }, principal, address, scope }) {
    const ended = await parts.alerts.endSilence(id, { author: principal.subject, scope });
    noted(parts, 'silence.end', ended, { author: principal.subject, address });
    return { silences: [ended] };
  },
});

function noted(
  parts: Context<unknown>['parts'],
  action: string,
  { id, matchers, comment, organizationId, propertyId }: SilenceView,
  by: { author: string; address: string | undefined },
): void {
  const detail = { matchers, comment };
  parts.access.audit({ ...by, action, object: id, detail, organizationId, propertyId });
}
