import { z } from 'zod';
import { narrow } from '../../schema/scope.ts';
import { alert, severity, state } from '../alert-shapes.ts';
import { endpoint } from '../endpoint.ts';
import { filters, names, TENANT_FILTERS } from '../parameters.ts';

export const alertsEndpoint = endpoint({
  path: '/api/performance/alerts',
  methods: ['get'],
  summary: 'Alerts that go on, the worst first; with state=resolved also those of the last day',
  permission: 'read',
  query: z.strictObject({
    state: z.array(state).min(1).max(4).optional().meta({ description: 'only in these states' }),
    severity: z.array(severity).min(1).max(4).optional().meta({ description: 'only so severe' }),
    rule: names.optional().meta({ description: 'only of this rule; may be repeated' }),
    ...filters('service'),
    ...TENANT_FILTERS,
  }),
  response: z.strictObject({ alerts: z.array(alert) }).meta({ id: 'Alerts' }),
  async handle({ parts, query, scope }) {
    return { alerts: await parts.alerts.alerts(query, narrow(scope, query)) };
  },
});
