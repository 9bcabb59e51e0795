import { z } from 'zod';
import { endpoint } from '../endpoint.ts';
import { runTestAction, TEST_ACTIONS } from '../test-actions.ts';

export const testEndpoint = endpoint({
  path: '/api/performance/test',
  methods: ['get', 'post'],
  summary: 'Does the real thing and says what it did',
  permission: 'test',
  changes: true,
  query: z.strictObject({ action: z.enum(TEST_ACTIONS) }),
  response: z.looseObject({ action: z.enum(TEST_ACTIONS), ok: z.literal(true) }),
  handle({ query, parts, scope, principal, address }) {
    const { action } = query;
    parts.access.audit({
      author: principal.subject,
      action: `test.${action}`,
      object: '',
      address,
    });
    return runTestAction(action, parts, scope);
  },
});
