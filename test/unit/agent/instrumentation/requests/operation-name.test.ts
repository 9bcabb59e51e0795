import { expect, it } from 'vitest';
import {
  joinOperation,
  NameLimit,
} from '../../../../../src/agent/instrumentation/requests/operation-name.ts';

const withUrl = (url: string) => ({ request: { headers: {}, url } });

it('keeps a limited number of names', () => {
  const limit = new NameLimit(2);
  expect(['a', 'b', 'c', 'a'].map((name) => limit.limit(name))).toEqual(['a', 'b', '(other)', 'a']);
  expect(limit.size).toBe(2);
});

it.each([
  ['/graphql', '/graphql query Rooms'],
  ['/graphql?query=4711', '/graphql query Rooms'],
  ['/api/graphql/4711', '/api/graphql query Rooms'],
  ['/api/trpc/rooms.byId', '/api/trpc query Rooms'],
  ['/graphql4711', 'query Rooms'],
  ['/4711/graphql', 'query Rooms'],
  ['', 'query Rooms'],
])('adds the usual path of %s if there is no route', (url, name) => {
  expect(joinOperation(withUrl(url), undefined, 'query Rooms')).toBe(name);
});

it('prefers the route and the original URL', () => {
  expect(joinOperation(withUrl('/graphql'), '/shop', 'query A')).toBe('/shop query A');
  const request = { headers: {}, url: '/', originalUrl: '/graphql' };
  expect(joinOperation({ request }, undefined, 'query A')).toBe('/graphql query A');
});

it('reads the path of an HTTP/2 request', () => {
  const request = { headers: { ':path': '/graphql' } };
  expect(joinOperation({ request }, undefined, 'query A')).toBe('/graphql query A');
});
