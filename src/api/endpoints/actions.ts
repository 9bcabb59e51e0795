import { z } from 'zod';
import { currentDecision, forcedBreaker } from '../action-shapes.ts';
import { endpoint } from '../endpoint.ts';

export const actionsEndpoint = endpoint({
  path: '/api/performance/actions',
  methods: ['get'],
  summary: 'What services are to do now: settings that rules have set, breakers that alerts open',
  permission: 'read',
  query: z.strictObject({}),
  response: z
    .strictObject({
      decisions: z.array(currentDecision),
      breakers: z.array(forcedBreaker),
    })
    .meta({ id: 'Actions' }),
  async handle({ parts, scope }) {
    return { decisions: parts.actions.current(scope), breakers: parts.actions.breakers(scope) };
  },
});
