import { z } from 'zod';
import { alert, ID } from '../alert-shapes.ts';
import { endpoint } from '../endpoint.ts';

const body = z.strictObject({ comment: z.string().min(1).max(2000) });

export const acknowledgeEndpoint = endpoint({
  path: '/api/performance/alerts/:id/acknowledge',
  methods: ['post'],
  summary: 'Take a firing alert on, with a comment',
  permission: 'acknowledge',
  params: ID,
  body,
  query: z.strictObject({}),
  response: z.strictObject({ alert }).meta({ id: 'Acknowledged' }),
  changes: true,
  async handle({ parts, params: { id = '' }, body: sent, principal, address, scope }) {
    const { comment } = body.parse(sent);
    const { subject: author } = principal;
    const acknowledged = parts.alerts.acknowledge(id, comment, { author, scope });
    const { organization: organizationId, property: propertyId } = acknowledged.labels;
    parts.access.audit({
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
