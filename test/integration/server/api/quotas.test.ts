import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPrincipal } from '../../../../src/server/access/principal.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { waitFor } from '../../../support/wait-for.ts';

/** Set while queries must wait. */
let release: Promise<void> | undefined;
let waiting = 0;
const api = new TestApiServer((queryClient) => ({
  getCatalog: () => queryClient.getCatalog(),
  scan: queryClient.scan,
  read: async (scope, statement, ...rest) => {
    if (release) {
      waiting += 1;
      await release;
    }
    return queryClient.read(scope, statement, ...rest);
  },
}));
const API = '/api/performance';

beforeAll(() => api.start());
afterAll(() => api.remove());

/** Sends requests as a key of an organization, from now on. */
function useKey(id: string, organizationId: string, role: 'PROPERTY_MGR' | 'VIEWER' = 'VIEWER') {
  api.principal = createPrincipal(`key:${id}`, { role, organizationId });
}

async function request(path: string, init: RequestInit = {}) {
  const response = await fetch(`${api.url}${API}${path}`, init);
  const { status, headers } = response;
  const body = (await response.json()) as { code?: string; detail?: string };
  return { status, retryAfter: headers.get('retry-after'), ...body };
}

function createSilence(matchers: readonly string[]) {
  const body = JSON.stringify({ matchers, duration: '1h', comment: 'test' });
  const headers = { 'Content-Type': 'application/json' };
  return request('/silences', { method: 'POST', headers, body });
}

describe('streams', () => {
  const open: AbortController[] = [];
  /** `fetch` cancels a response that is garbage collected. */
  const responses: Response[] = [];
  async function openStreams(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const controller = new AbortController();
      open.push(controller);
      const { signal } = controller;
      const response = await fetch(`${api.url}${API}/stream`, { signal });
      responses.push(response);
      expect(response.status).toBe(200);
    }
  }

  it('are limited for each key and each organization, so other callers can open streams', async () => {
    useKey('a', 'acme');
    await openStreams(20);
    const perKey = await request('/stream');
    expect(perKey).toMatchObject({ status: 429, code: 'PS_TOO_MANY_OPEN', retryAfter: '30' });
    expect(perKey.detail).toContain('20 open streams per key');
    useKey('b', 'acme');
    await openStreams(20);
    useKey('c', 'acme');
    expect((await request('/stream')).detail).toContain('40 open streams per organization');
    useKey('d', 'other');
    await openStreams(1);
    for (const controller of open) controller.abort();
    useKey('a', 'acme');
    await waitFor(async () => {
      const controller = new AbortController();
      const response = await fetch(`${api.url}${API}/stream`, { signal: controller.signal });
      controller.abort();
      return response.status === 200;
    });
  });
});

describe('silences', () => {
  it('with expressions that would stall the server are rejected', async () => {
    useKey('m', 'acme', 'PROPERTY_MGR');
    for (const pattern of ['(.?){999}', '(?:.?.?.?.?){400}', '((.?){30}){30}']) {
      const { status, code } = await createSilence(Array(50).fill(`service=~"${pattern}"`));
      expect([status, code]).toEqual([400, 'PS_REQUEST_INVALID']);
    }
    expect((await request('/silences')).status).toBe(200);
  });

  it('are limited for each key', async () => {
    useKey('m', 'acme', 'PROPERTY_MGR');
    for (let i = 0; i < 100; i++) expect((await createSilence([`service=s${i}`])).status).toBe(200);
    const { status, code, detail } = await createSilence(['service=web']);
    expect([status, code]).toEqual([409, 'PS_QUOTA_REACHED']);
    expect(detail).toContain('100 active silences per key');
    useKey('n', 'acme', 'PROPERTY_MGR');
    expect((await createSilence(['service=web'])).status).toBe(200);
  });
});

it('concurrent requests are limited for each key and each organization', async () => {
  const held = Promise.withResolvers<void>();
  release = held.promise;
  waiting = 0;
  const pending: Promise<{ status: number }>[] = [];
  const path = '/metrics?last=1h';
  const start = (count: number) => {
    for (let i = 0; i < count; i++) pending.push(request(path));
    return waitFor(async () => waiting >= pending.length);
  };
  useKey('a', 'acme');
  await start(100);
  const perKey = await request(path);
  expect(perKey).toMatchObject({ status: 429, code: 'PS_TOO_MANY_OPEN', retryAfter: '1' });
  expect(perKey.detail).toContain('100 concurrent requests per key');
  useKey('b', 'acme');
  await start(50);
  useKey('c', 'acme');
  expect((await request(path)).detail).toContain('per organization');
  useKey('d', 'other');
  await start(1);
  release = undefined;
  held.resolve();
  expect(new Set((await Promise.all(pending)).map(({ status }) => status))).toEqual(new Set([200]));
  useKey('c', 'acme');
  expect((await request(path)).status).toBe(200);
});
