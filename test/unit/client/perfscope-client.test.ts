import { expect, it } from 'vitest';
import { ApiError, PerfscopeClient } from '../../../src/client.ts';

interface SentRequest {
  url: string;
  headers: Record<string, string>;
}

/** Creates a client that receives `responses` in order. The last response repeats. */
function createClient(...responses: (() => Response)[]) {
  const sent: SentRequest[] = [];
  const fetch = async (url: unknown, init?: { headers?: unknown; signal?: AbortSignal }) => {
    init?.signal?.throwIfAborted();
    sent.push({ url: String(url), headers: init?.headers as SentRequest['headers'] });
    const createResponse = responses[Math.min(sent.length, responses.length) - 1];
    return createResponse?.() ?? Response.error();
  };
  const options = { url: 'http://server/', key: 'psk_1', fetch: fetch as typeof globalThis.fetch };
  return { client: new PerfscopeClient(options), sent };
}

const json = (body: object, init?: ResponseInit) => () => Response.json(body, init);
const events =
  (...texts: string[]) =>
  () =>
    new Response(texts.join(''));
const point = (id: number) => `event: point\nid: point=${id}\ndata: {"n":${id}}\n\n`;

it('sends the key, and formats lists, times, and flags as the server expects', async () => {
  const { client, sent } = createClient(json({}));
  const from = new Date(0);
  await client.get('trends', {
    from,
    to: 5,
    service: ['a,b', 'c&d'],
    includeTest: true,
    step: undefined,
  });
  expect(sent).toEqual([
    {
      url: 'http://server/api/performance/trends?from=1970-01-01T00%3A00%3A00.000Z&to=5&service=a%2Cb&service=c%26d&includeTest=true',
      headers: { Authorization: 'Bearer psk_1' },
    },
  ]);
});

it('throws server errors with their code', async () => {
  const problem = { status: 429, title: 'x', detail: 'Too many', code: 'PS_TOO_MANY_REQUESTS' };
  const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '7' };
  const response = createClient(json(problem, { status: 429, headers })).client.get('dashboard');
  await expect(response).rejects.toMatchObject({
    code: 'PS_TOO_MANY_REQUESTS',
    status: 429,
    problem,
    retryAfterMs: 7000,
  });
  const proxy = createClient(() => new Response('<html>', { status: 502 })).client.get('dashboard');
  await expect(proxy).rejects.toMatchObject({ name: 'ApiError', status: 502, code: undefined });
});

it('requests pages until the last one', async () => {
  const { client, sent } = createClient(
    json({ nextCursor: 'a' }),
    json({ nextCursor: 'b' }),
    json({}),
  );
  let pages = 0;
  for await (const _ of client.pages('metrics', { limit: 2 })) pages += 1;
  expect(pages).toBe(3);
  expect(sent.map(({ url }) => new URL(url).search)).toEqual([
    '?limit=2',
    '?limit=2&cursor=a',
    '?limit=2&cursor=b',
  ]);
});

it('until a stream is aborted, reconnects it and resumes after the last event', async () => {
  const { client, sent } = createClient(
    events('retry: 3000\n\n', point(1), ':\n\n', point(2)),
    () => new Response(null, { status: 503 }),
    events(point(3), 'event: point\nid: poi'),
  );
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const { id } of client.stream({}, { signal: stop.signal })) {
    seen.push(id);
    if (seen.length === 3) stop.abort();
  }
  expect(seen).toEqual(['point=1', 'point=2', 'point=3']);
  expect(sent.map(({ headers }) => headers['Last-Event-ID'])).toEqual([
    undefined,
    'point=2',
    'point=2',
  ]);
});

it('ends a stream that the server rejects permanently', async () => {
  const rejected = createClient(() => new Response(null, { status: 403 })).client.stream();
  expect(await rejected.next().catch((error) => error)).toBeInstanceOf(ApiError);
});
