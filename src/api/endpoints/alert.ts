import { z } from 'zod';
import { alert, ID, transition } from '../alert-shapes.ts';
import { endpoint } from '../endpoint.ts';

export const alertEndpoint = endpoint({
  path: '/api/performance/alerts/:id',
  methods: ['get'],
  summary: 'One alert and all that it did, the newest first',
  operation: 'alert',
  permission: 'read',
  params: ID,
  query: z.strictObject({}),
  response: z.strictObject({ alert, transitions: z.array(transition) }).meta({ id: 'OneAlert' }),
  handle: ({ parts, params, scope }) => parts.alerts.history(params.id ?? '', scope),
});
