import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { createApiRouter } from '../../../../src/server/api/api-router.ts';
import type { EndpointDependencies } from '../../../../src/server/api/endpoint-definition.ts';
import { ENDPOINT_LIST } from '../../../../src/server/api/endpoint-registry.ts';
import { createErrorHandler } from '../../../../src/server/api/problem-details.ts';
import { isOwnRequest } from '../../../../src/server/api/request/reject-cross-site.ts';

const OWN = { host: '127.0.0.1:4001' };

describe('isOwnRequest', () => {
  it.each([
    ['curl', {}],
    ["Perfscope's page", { 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1:4001' }],
    [
      'the page behind a proxy that changes Host',
      { 'sec-fetch-site': 'same-origin', origin: 'https://perf.example' },
    ],
    ['the address bar', { 'sec-fetch-site': 'none' }],
    ['an older browser', { referer: 'http://127.0.0.1:4001/page' }],
  ])('accepts a request of %s', (_case, headers) => {
    expect(isOwnRequest({ ...OWN, ...headers })).toBe(true);
  });

  it.each([
    ['a link on another site', { 'sec-fetch-site': 'cross-site' }],
    ['a link on another port or subdomain', { 'sec-fetch-site': 'same-site' }],
    ['an older browser on another site', { referer: 'https://evil.example/' }],
    ['a script on another site', { origin: 'https://evil.example' }],
    ['another port', { origin: 'http://127.0.0.1:3000' }],
    ['a sandboxed page', { origin: 'null' }],
    ['a referer that only contains the host', { referer: 'https://evil.example/127.0.0.1:4001' }],
    [
      'a forged Sec-Fetch-Site with a foreign referer',
      { 'sec-fetch-site': 'none', referer: 'https://evil.example/' },
    ],
    [
      'a prefetching browser',
      { 'sec-fetch-site': 'same-origin', 'sec-purpose': 'prefetch;prerender' },
    ],
    ['an older prefetching browser', { purpose: 'prefetch' }],
  ])('rejects a request of %s', (_case, headers) => {
    expect(isOwnRequest({ ...OWN, ...headers })).toBe(false);
  });
});

describe('the API', () => {
  let server: Server;
  let url: string;
  const actions: string[] = [];
  beforeAll(async () => {
    const dependencies: Partial<EndpointDependencies> = {
      maxRequestsPerMinute: 1e9,
      access: {
        authenticate: async () => ({
          principal: { subject: 'local', role: 'ADMIN', scope: UNRESTRICTED_SCOPE },
        }),
        audit: ({ action }: { action: string }) => void actions.push(action),
        keys: { list: async () => [] },
      } as never,
      health: { isMonitoring: false, stopMonitoring: () => {} } as never,
      notifications: { listPeople: () => [] } as never,
    };
    const app = express();
    app.use(createApiRouter(dependencies as EndpointDependencies, ENDPOINT_LIST));
    app.use(createErrorHandler({ info: () => {}, warn: () => {}, error: () => {} }));
    server = createServer(app).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  const mutating = ENDPOINT_LIST.filter(
    ({ isMutating, methods }) => isMutating && methods.includes('get'),
  );

  it.each(mutating.map(({ path }) => path))("%s isn't run by another site's GET", async (path) => {
    const target = `${url}${path}?action=stop-monitoring`;
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { referer: 'https://evil.example/' },
      { origin: 'https://evil.example' },
    ]) {
      const response = await fetch(target, { headers });
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ code: 'PS_CROSS_SITE' });
    }
    expect(actions).toEqual([]);
  });

  it('runs an action for curl, and for a POST', async () => {
    const target = `${url}/api/performance/test?action=stop-monitoring`;
    expect((await fetch(target)).status).toBe(200);
    expect((await fetch(target, { method: 'POST' })).status).toBe(200);
    expect(actions).toEqual(['test.stop-monitoring', 'test.stop-monitoring']);
  });

  it('declares every endpoint that changes data', () => {
    const undeclared = ENDPOINT_LIST.filter(
      ({ methods, isMutating, body }) =>
        !isMutating && methods.some((method) => method !== 'get') && !body,
    );
    expect(undeclared.map(({ path }) => path)).toEqual([]);
    expect(mutating.map(({ path }) => path)).toContain('/api/performance/test');
  });
});
