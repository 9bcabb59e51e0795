import { expect, it } from 'vitest';
import { toQueueTemplate } from '../../../../../src/agent/instrumentation/queues/queue-name-template.ts';

it.each([
  ['orders', 'orders'],
  ['orders.v2', 'orders.v2'],
  ['orders-2024', 'orders-2024'],
  ['cafe-added', 'cafe-added'],
  ['amq.gen-JzTY20BRgKO-HjmUJj0wLg', 'amq.gen'],
  ['amq.rabbitmq.reply-to.g1h2AA5yZXBs.AAAA==', 'amq.rabbitmq.reply-to'],
  ['reply.7b1e0d7e-51d2-4f0a-8a0e-6d2b8f3c9a10', 'reply.{id}'],
  ['user-1234567-events', 'user-{id}-events'],
  ['session_65a1b2c3d4e5f60718293a4b', 'session_{id}'],
])('returns the template of %s', (name, template) => {
  expect(toQueueTemplate(name)).toBe(template);
});
