import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createLocalClient } from '../../../src/cli/local-client.ts';
import type { ServerDiscovery } from '../../../src/core/config/server-discovery.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';

/** The local token of each received request. */
const tokens: (string | undefined)[] = [];
let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer((request, response) => {
    tokens.push(request.headers['x-perfscope-local-token'] as string | undefined);
    const isRedirect = request.url?.includes('redirect=true');
    response.writeHead(isRedirect ? 307 : 200, isRedirect ? { Location: '/elsewhere' } : {});
    response.end('{"alerts":[]}');
  });
  port = await listenOnFreePort(server);
});
afterAll(() => new Promise((done) => server.close(done)));
beforeEach(() => void tokens.splice(0));

const createDiscovery = (serverUrl: string) =>
  ({ serverUrl, localToken: 'secret' }) as unknown as ServerDiscovery;

it.each([
  ['a loopback address', '127.0.0.1', '127.0.0.1'],
  ['all interfaces', '0.0.0.0', '0.0.0.0'],
  ['all interfaces, with an explicit loopback URL', '127.0.0.1', '0.0.0.0'],
])('sends the token to a server on %s', async (_case, host, serverHost) => {
  const discovery = createDiscovery(`http://${serverHost}:${port}`);
  await createLocalClient(`http://${host}:${port}`, discovery).get('alerts');
  expect(tokens).toEqual(['secret']);
});

it.each([
  ['another port', () => createDiscovery(`http://127.0.0.1:${port + 1}`)],
  ['another machine', () => createDiscovery(`http://10.0.0.5:${port}`)],
  ['no server', () => undefined],
  [
    'an older server',
    () => ({ ...createDiscovery(`http://127.0.0.1:${port}`), localToken: undefined }),
  ],
])('sends no token if the discovery file describes %s', async (_case, getDiscovery) => {
  await createLocalClient(`http://127.0.0.1:${port}`, getDiscovery()).get('alerts');
  expect(tokens).toEqual([undefined]);
});

it('does not follow redirects with the token', async () => {
  const client = createLocalClient(
    `http://127.0.0.1:${port}`,
    createDiscovery(`http://127.0.0.1:${port}`),
  );
  const query = { redirect: 'true' } as object;
  await expect(client.get('alerts', query)).rejects.toThrow();
  expect(tokens).toEqual(['secret']);
});
