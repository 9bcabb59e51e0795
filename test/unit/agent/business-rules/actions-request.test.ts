import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { afterEach, expect, it, vi } from 'vitest';
import { requestActions } from '../../../../src/agent/business-rules/actions-request.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

const ACTIONS = { breakers: [{ name: 'payments', leaseMs: 1000 }], decisions: [] };

const cleanups: (() => void)[] = [];
afterEach(() => {
  vi.unstubAllGlobals();
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Requests the actions from a server that answers with `listener`. */
async function request(
  listener: RequestListener,
  options: { key?: string; localToken?: string } = {},
) {
  const received: { url: string | undefined; headers: IncomingHttpHeaders }[] = [];
  const versions: (string | undefined)[] = [];
  const server = createServer(({ url, headers }, response) => {
    received.push({ url, headers });
    response.setHeader('Perfscope-Version', '9.1.0');
    listener({ url, headers } as never, response);
  });
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}/prefix/`;
  const onServerVersion = (version: string | undefined) => void versions.push(version);
  const actions = await requestActions({
    url,
    service: 'bücher',
    onServerVersion,
    ...options,
  }).catch((error: Error) => error.message);
  return { actions, received, versions };
}

it('requests the actions with the credentials, without the global fetch', async () => {
  const fetchStub = vi.fn();
  vi.stubGlobal('fetch', fetchStub);
  const { actions, received, versions } = await request(
    (_, response) => response.end(JSON.stringify(ACTIONS)),
    { key: 'secret', localToken: 'token' },
  );
  expect(actions).toEqual(ACTIONS);
  expect(versions).toEqual(['9.1.0']);
  expect(received).toEqual([
    {
      url: '/prefix/api/performance/actions',
      headers: expect.objectContaining({
        authorization: 'Bearer secret',
        'x-perfscope-local-token': 'token',
        'perfscope-agent-service': 'b%C3%BCcher',
      }),
    },
  ]);
  expect(fetchStub).not.toHaveBeenCalled();
});

it('reports the detail of a rejection, and the version of the server', async () => {
  const { actions, versions } = await request((_, response) =>
    response
      .writeHead(401, { 'content-type': 'application/problem+json' })
      .end('{"detail":"Authentication required"}'),
  );
  expect(actions).toBe('Authentication required');
  expect(versions).toEqual(['9.1.0']);
});

it.each([
  ['another status', 503, 'no', 'the server responded with HTTP 503'],
  ['a redirect', 302, '', 'the server responded with HTTP 302'],
  ['null', 200, 'null', 'the response is not a list of decisions and breakers'],
  ['a list', 200, '[]', 'the response is not a list of decisions and breakers'],
  ['an invalid decision', 200, '{"breakers":[],"decisions":[{}]}', 'the response is not a list'],
  ['HTML', 200, '<html></html>', 'Unexpected token'],
])('rejects %s', async (_name, status, body, message) => {
  const { actions } = await request((_, response) => response.writeHead(status).end(body));
  expect(actions).toContain(message);
});
