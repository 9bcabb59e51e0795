import { z } from 'zod';
import { rule } from '../alert-shapes.ts';
import { endpoint } from '../endpoint.ts';
import { time } from '../shapes.ts';

export const rulesEndpoint = endpoint({
  path: '/api/performance/rules',
  methods: ['get'],
  summary: 'Alert rules, how their last evaluation went, and how well targets were met',
  permission: 'read',
  query: z.strictObject({}),
  response: z
    .strictObject({
      rules: z.array(rule),
      file: z.string().optional(),
      loadedAt: time,
      problems: z
        .array(z.string())
        .meta({ description: 'What is wrong with the file now; the rules before it run on' }),
    })
    .meta({ id: 'Rules' }),
  handle: ({ parts, scope }) => parts.alerts.rules(scope),
});
