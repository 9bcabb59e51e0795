import { expect, it } from 'vitest';
import { nameRoute } from '../../../../../src/agent/instrumentation/requests/name-route.ts';
import type { RequestState } from '../../../../../src/agent/instrumentation/requests/request-state.ts';
import { createTestRequestState } from '../../../../support/request-measurements.ts';

const FILE = 'HTTP/1.1 200 OK\r\nLast-Modified: Sat, 28 Nov 2026 12:00:00 GMT\r\n\r\n';
const FILE_FIELDS = { ':status': 200, 'last-modified': 'Sat, 28 Nov 2026 12:00:00 GMT' };
const JSON_HEADERS = 'HTTP/1.1 200 OK\r\nX-Last-Modified: never\r\n\r\n';
const PREFLIGHT = { headers: { 'access-control-request-method': 'PUT' } };
const FRAMEWORK = { hasFramework: true };

type Case = [
  string,
  Partial<RequestState>,
  number | undefined,
  Parameters<typeof nameRoute>[2],
  string | undefined,
];

it.each<Case>([
  ['a route', { route: '/rooms/:id' }, 200, JSON_HEADERS, '/rooms/:id'],
  ['a route that responds with 404', { route: '/rooms/:id' }, 404, JSON_HEADERS, '/rooms/:id'],
  ['a route for OPTIONS', { route: '/a', method: 'OPTIONS' }, 204, '', '/a'],
  ['a file of a route', { route: '/file', ...FRAMEWORK }, 200, FILE, '/file'],
  ['a wildcard with a prefix', { route: '/assets/*', ...FRAMEWORK }, 404, FILE, '/assets/*'],
  ['a parameter at the root', { route: '/:page', ...FRAMEWORK }, 404, FILE, '/:page'],
  ['an optional segment', { route: '/{:page}', ...FRAMEWORK }, 404, FILE, '/{:page}'],
  ['no route', {}, 200, JSON_HEADERS, undefined],
  ['an unknown path', {}, 404, JSON_HEADERS, '(not found)'],
  ['a failure', FRAMEWORK, 500, FILE, undefined],
  ['a preflight request', { method: 'OPTIONS', request: PREFLIGHT }, 204, '', '(preflight)'],
  ['OPTIONS', { method: 'OPTIONS' }, 200, '', '(options)'],
  ['an unknown path of OPTIONS', { method: 'OPTIONS' }, 404, '', '(not found)'],
  ['a file', FRAMEWORK, 200, FILE, '(static)'],
  ['a file that is not modified', FRAMEWORK, 304, FILE, '(static)'],
  ['a file over HTTP/2', FRAMEWORK, 200, FILE_FIELDS, '(static)'],
  ['a file without a framework', {}, 200, FILE, undefined],
  ['a response that is not a file', FRAMEWORK, 200, JSON_HEADERS, undefined],
  ['an aborted request', FRAMEWORK, undefined, undefined, undefined],
])('names %s', (_case, state, status, headers, expected) => {
  const complete = { ...createTestRequestState({}), ...state };
  nameRoute(complete, status, headers);
  expect(complete.route).toBe(expected);
});

it.each(['*', '/*', '/*splat', '/{*splat}', '{/*rest}', '/{rest*}', '/**', '/**:rest', '/(.*)'])(
  'names requests that the catch-all route %s does not find',
  (route) => {
    const name = (status: number, headers: string) => {
      const state = { ...createTestRequestState({}), ...FRAMEWORK, route };
      nameRoute(state, status, headers);
      return state.route;
    };
    expect(name(404, JSON_HEADERS)).toBe('(not found)');
    expect(name(200, FILE)).toBe('(static)');
    expect(name(200, JSON_HEADERS)).toBe(route);
  },
);

it('keeps the request if its framework throws', () => {
  const state = {
    ...createTestRequestState({}),
    routeOwner: {},
    readRoute: () => {
      throw new Error('replaced by the application');
    },
  };
  nameRoute(state, 404, JSON_HEADERS);
  expect([state.route, state.routeOwner]).toEqual(['(not found)', undefined]);
});
