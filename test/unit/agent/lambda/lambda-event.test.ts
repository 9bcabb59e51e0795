import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readLambdaEvent } from '../../../../src/agent/lambda/lambda-event.ts';

const read = (event: unknown) => {
  const { trigger, method, route } = readLambdaEvent(event, 'orders');
  return [trigger, method, route];
};

it.each([
  [
    'a REST API',
    { httpMethod: 'GET', resource: '/rooms/{id}', path: '/rooms/7' },
    ['http', 'GET', '/rooms/{id}'],
  ],
  [
    'an HTTP API',
    {
      routeKey: 'PUT /rooms/{id}',
      requestContext: { http: { method: 'PUT' }, routeKey: 'PUT /rooms/{id}' },
    },
    ['http', 'PUT', '/rooms/{id}'],
  ],
  [
    'a function URL',
    { routeKey: '$default', requestContext: { http: { method: 'GET' }, routeKey: '$default' } },
    ['http', 'GET', 'http orders'],
  ],
  [
    'a WebSocket API',
    { requestContext: { routeKey: '$connect', eventType: 'CONNECT' } },
    ['http', 'GET', '$connect'],
  ],
  [
    'a load balancer',
    { httpMethod: 'GET', path: '/rooms/7', requestContext: { elb: {} } },
    ['http', 'GET', 'http orders'],
  ],
  ['SQS', { Records: [{ eventSource: 'aws:sqs' }] }, ['pubsub', undefined, 'sqs orders']],
  ['SNS', { Records: [{ EventSource: 'aws:sns' }] }, ['pubsub', undefined, 'sns orders']],
  ['Kafka', { eventSource: 'aws:kafka', records: {} }, ['pubsub', undefined, 'kafka orders']],
  ['S3', { Records: [{ eventSource: 'aws:s3' }] }, ['datasource', undefined, 's3 orders']],
  ['a schedule', { 'detail-type': 'Scheduled Event' }, ['timer', undefined, 'schedule orders']],
  ['EventBridge', { 'detail-type': 'Order' }, ['pubsub', undefined, 'eventbridge orders']],
  [
    'an unknown source',
    { Records: [{ eventSource: 'a:7' }] },
    ['other', undefined, 'event orders'],
  ],
  ['a direct call', { id: 7 }, ['other', undefined, 'invoke orders']],
])('reads the trigger and the route of %s', (_name, event, expected) => {
  expect(read(event)).toEqual(expected);
});

it('reads headers and the URL', () => {
  const { headers, url } = readLambdaEvent(
    {
      httpMethod: 'GET',
      path: '/rooms',
      headers: { 'X-Organization': 'grand' },
      multiValueHeaders: { Accept: ['a', 'b'] },
      queryStringParameters: { q: 'a b' },
    },
    'orders',
  );
  expect(headers).toEqual({ 'x-organization': 'grand', accept: 'a, b' });
  expect(url).toBe('/rooms?q=a+b');
});

it('accepts any event, and takes no value from it', () => {
  fc.assert(
    fc.property(fc.anything(), (event) => {
      const [trigger, , route] = read(event);
      expect(['http', 'pubsub', 'datasource', 'timer', 'other']).toContain(trigger);
      expect(typeof route).toBe('string');
    }),
  );
  expect(read({ Records: [{ eventSource: 'secret' }] }).join()).not.toContain('secret');
});
