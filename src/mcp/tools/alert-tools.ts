import { z } from 'zod';
import { ALERT_SEVERITIES } from '../../core/schema/enums.ts';
import {
  createLimitInput,
  defineTool,
  nameSchema,
  RANGE_INPUT,
  SERVICE_INPUT,
  TENANT_INPUT,
  type Tool,
  toViewParameters,
} from '../tool.ts';

const severityInput = { severity: z.array(z.enum(ALERT_SEVERITIES)).min(1).optional() };

/** Tools for alerts, incidents, rules, and objectives. */
export const ALERT_TOOLS: readonly Tool[] = [
  defineTool({
    name: 'list_alerts',
    title: 'Alerts',
    description:
      'Lists active alerts with value, threshold, and likely cause, most severe first. With state=["resolved"], lists alerts that were resolved in the last 24 hours.',
    input: {
      state: z
        .array(z.enum(['pending', 'firing', 'acknowledged', 'resolved']))
        .min(1)
        .optional(),
      ...severityInput,
      ...SERVICE_INPUT,
      ...TENANT_INPUT,
    },
    async run(client, input) {
      return { data: await client.get('alerts', input), link: { path: '/alerts' } };
    },
  }),
  defineTool({
    name: 'explain_alert',
    title: 'One alert with its cause',
    description:
      'Returns an alert with its likely cause, its history, its rule, and its value over time.',
    input: { id: nameSchema.describe('ID of the alert, from list_alerts or explain_incident.') },
    async run(client, { id }) {
      const [alert, series] = await Promise.all([client.alert(id), client.alertSeries(id)]);
      return { data: { ...alert, series }, link: { path: `/alerts/${encodeURIComponent(id)}` } };
    },
  }),
  defineTool({
    name: 'list_incidents',
    title: 'Incidents',
    description:
      'Lists incidents that were open in a time range. An incident combines the alerts of one problem. Default range: 7 days.',
    input: {
      ...RANGE_INPUT,
      state: z
        .array(z.enum(['open', 'resolved', 'merged']))
        .min(1)
        .optional(),
      ...severityInput,
      ...SERVICE_INPUT,
      ...TENANT_INPUT,
      ...createLimitInput('incidents'),
    },
    async run(client, input) {
      const data = await client.get('incidents', input);
      return { data, link: { path: '/incidents', parameters: toViewParameters(input) } };
    },
  }),
  defineTool({
    name: 'explain_incident',
    title: 'One incident with its causes',
    description:
      'Returns an incident with its ranked likely causes and their evidence, alerts, affected tenants, and timeline.',
    input: { id: nameSchema.describe('ID of the incident, from list_incidents.') },
    async run(client, { id }) {
      const data = await client.incident(id);
      return { data, link: { path: `/incidents/${encodeURIComponent(id)}` } };
    },
  }),
  defineTool({
    name: 'list_rules',
    title: 'Alert rules',
    description: 'Lists alert rules with their thresholds and newest values.',
    input: {},
    async run(client) {
      return { data: await client.get('rules'), link: { path: '/rules' } };
    },
  }),
  defineTool({
    name: 'list_objectives',
    title: 'Objectives',
    description:
      'Lists service level objectives with achieved values, error budgets, and burn rates.',
    input: { ...SERVICE_INPUT, ...TENANT_INPUT },
    async run(client, input) {
      return { data: await client.get('objectives', input), link: { path: '/objectives' } };
    },
  }),
];
