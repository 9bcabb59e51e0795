import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Measurement } from '../../../../src/agent/record/measurement.ts';
import { ApiError, PerfscopeClient } from '../../../../src/client.ts';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { ENDPOINTS, type EndpointName } from '../../../../src/server/api/endpoint-registry.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { waitFor } from '../../../support/wait-for.ts';

const api = new TestApiServer();
/** Ten whole minutes that are over. */
const FROM = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 12 * MINUTE_MS;
const TO = FROM + 10 * MINUTE_MS;
const time = { from: FROM, to: TO };
/** Stands in every name of the second organization. */
const MARK = 'foreign-secret';
let client: PerfscopeClient;

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  const { recorder, add } = api.parts;
  const request = (minute: number, more: Partial<Measurement>) =>
    recorder.recordMetric({
      metricType: 'API_RESPONSE_TIME',
      name: 'http.server.request.duration',
      value: 10,
      operation: 'GET',
      endpoint: '/rooms',
      organizationId: 'anna',
      propertyId: 'north',
      timestamp: FROM + minute * MINUTE_MS + 1000,
      ...more,
    });
  for (let i = 0; i < 30; i++) request(i % 10, {});
  for (let i = 0; i < 10; i++) request(5, { endpoint: '=cmd()', value: 1000, error: i < 5 });
  for (let i = 0; i < 5; i++) request(-5, { value: 20 });
  request(3, { test: true, value: 5000 });
  const foreign = { organizationId: MARK, propertyId: MARK, operation: MARK };
  for (let i = 0; i < 3; i++) request(2, { ...foreign, endpoint: MARK, service: MARK });
  for (const [i, value] of [10, 20, 900].entries()) {
    for (const of of [{ organizationId: 'anna' }, foreign]) {
      recorder.recordMetric({
        metricType: 'DATABASE_QUERY_TIME',
        name: 'db.client.operation.duration',
        value,
        operation: 'SELECT',
        endpoint: `SELECT ${i} ${of.organizationId}`,
        ...of,
        timestamp: FROM + MINUTE_MS,
        tags: { of: of.organizationId },
      });
    }
  }
  for (const of of [{ organizationId: 'anna' }, foreign]) {
    for (let i = 0; i < 4; i++) {
      recorder.recordQueueMetric({
        queueName: `mail-${of.organizationId}`,
        jobId: `${i}`,
        jobType: 'send',
        status: i === 0 ? 'failed' : 'completed',
        duration: 100,
        waitTime: 40,
        ...of,
        timestamp: FROM + 4 * MINUTE_MS,
      });
    }
    recorder.recordMetric({
      metricType: 'QUEUE_DEPTH',
      name: 'perfscope.queue.depth',
      value: 7,
      unit: '{job}',
      endpoint: `mail-${of.organizationId}`,
      operation: 'waiting',
      ...of,
      timestamp: FROM + 4 * MINUTE_MS,
    });
  }
  add(
    'system_health',
    Array.from({ length: 10 }, (_, i) => ({
      id: `h${i}`,
      service: i % 2 ? MARK : 'shop',
      instance: i % 2 ? MARK : 'shop-1',
      timestamp: FROM + i * MINUTE_MS,
      createdAt: FROM,
      status: 'healthy',
      cpuUsage: 10 + i,
    })),
  );
  const error = { level: 'error', kind: 'job', errorType: 'Error', count: 1, stackTrace: 'at x' };
  add('error_logs', [
    ...[0, 1, 2].map((i) => ({
      ...error,
      id: `e${i}`,
      fingerprint: 'f1',
      message: `no room ${i}`,
      count: 1 + i,
      timestamp: FROM + i * MINUTE_MS,
      organizationId: 'anna',
      propertyId: 'north',
      service: 'shop',
      endpoint: 'mail',
      context: '{"attempts":3}',
    })),
    {
      ...error,
      id: 'e9',
      fingerprint: 'f2',
      kind: 'uncaught',
      level: 'fatal',
      timestamp: FROM + 5 * MINUTE_MS,
      organizationId: 'anna',
      message: 'gone',
    },
    {
      ...error,
      id: MARK,
      fingerprint: 'f1',
      message: MARK,
      count: 100,
      context: MARK,
      timestamp: FROM + 6 * MINUTE_MS,
      organizationId: MARK,
      propertyId: MARK,
      service: MARK,
      endpoint: MARK,
      userId: MARK,
      stackTrace: MARK,
    },
  ]);
  await api.stored();
}, 120_000);
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

describe('an endpoint', () => {
  beforeEach(() => {
    api.scope = createOrganizationScope('anna');
  });

  it('dashboard: has all figures and what they were before', async () => {
    const answer = await client.get('dashboard', time);
    expect(answer).toMatchObject({
      from: new Date(FROM).toISOString(),
      to: new Date(TO).toISOString(),
      api: { count: 40, errorCount: 5, errorRate: 12.5, average: 257.5, min: 10, max: 1000 },
      database: { count: 3, averageQueryTime: 310 },
      queues: [{ queue: 'mail-anna', completed: 3, failed: 1, failureRate: 25, depth: 7 }],
      systemHealth: [],
      trends: { responseTime: { current: 257.5, previous: 20 } },
    });
    expect((await client.get('dashboard', { ...time, includeTest: true })).api.count).toBe(41);
    expect((await client.get('dashboard', { ...time, propertyId: ['south'] })).api.count).toBe(0);
  });

  it('endpoints: sorts groups, and tells them apart by any names', async () => {
    const { endpoints, nextCursor } = await client.get('endpoints', { ...time, sort: 'average' });
    expect(endpoints).toMatchObject([
      {
        group: { endpoint: '=cmd()', operation: 'GET' },
        count: 10,
        average: 1000,
        errorRate: 50,
        rate: 10 / 600,
        apdex: 0.25,
        slowShare: 100,
      },
      { group: { endpoint: '/rooms', operation: 'GET' }, count: 30, average: 10, apdex: 1 },
    ]);
    expect(endpoints[1]?.p99).toBeCloseTo(10, -0.3);
    expect(nextCursor).toBeUndefined();
    const ascending = await client.get('endpoints', { ...time, sort: 'endpoint', limit: 1 });
    expect(ascending.endpoints).toMatchObject([{ group: { endpoint: '/rooms' } }]);
    const byTenant = await client.get('endpoints', {
      ...time,
      groupBy: ['organizationId', 'propertyId', 'service'],
      endpoint: ['/rooms'],
    });
    expect(byTenant.endpoints).toMatchObject([
      { group: { organizationId: 'anna', propertyId: 'north', service: 'shop' }, count: 30 },
    ]);
  });

  it('endpoints: as CSV, that no spreadsheet takes for a formula', async () => {
    const text = await client.csv('endpoints', { ...time, sort: 'endpoint' });
    const lines = text.split('\r\n');
    expect(lines[0]).toMatch(/^endpoint,operation,count,rate,errorCount,errorRate,average,/);
    expect(lines[1]).toMatch(/^\/rooms,GET,30,0\.05,0,0,10,/);
    expect(lines[2]).toMatch(/^'=cmd\(\),GET,10,/);
    const accepted = await fetch(`${api.url}/api/performance/endpoints?from=${FROM}&to=${TO}`, {
      headers: { Accept: 'text/csv' },
    });
    expect(accepted.headers.get('Content-Type')).toContain('text/csv');
  });

  it('database: has statements, and which are slow', async () => {
    const { figures, statements } = await client.get('database', { ...time, sort: 'max' });
    expect(figures).toMatchObject({ count: 3, averageQueryTime: 310 });
    expect(figures.slowQueryShare).toBeCloseTo(100 / 3);
    expect(statements.map(({ group, slowShare }) => [group.endpoint, slowShare])).toEqual([
      ['SELECT 2 anna', 100],
      ['SELECT 1 anna', 0],
      ['SELECT 0 anna', 0],
    ]);
  });

  it('queues: has who uses them, and how they go on', async () => {
    const answer = await client.get('queues', { ...time, step: '1m' });
    expect(answer.queues).toMatchObject([{ queue: 'mail-anna', completed: 3, failed: 1 }]);
    expect(answer.tenants).toMatchObject([
      { organizationId: 'anna', ended: 4, processing: 400, processingShare: 100, waiting: 160 },
    ]);
    expect(answer.series).toEqual([
      {
        queue: 'mail-anna',
        points: [
          {
            at: new Date(FROM + 4 * MINUTE_MS).toISOString(),
            arrived: 0,
            completed: 3,
            failed: 1,
            stalled: 0,
            averageProcessing: 100,
            averageWait: 40,
            depth: 7,
          },
        ],
      },
    ]);
    expect((await client.get('queues', time)).series).toBeUndefined();
  });

  it('trends: draws an earlier time at the times of this one', async () => {
    const answer = await client.get('trends', {
      ...time,
      step: '1m',
      compare: 'previous',
      groupBy: ['organizationId'],
      aggregate: ['count', 'average', 'errorRate', 'max', 'p50', 'apdex'],
    });
    expect(answer).toMatchObject({ step: '1m', timeZone: 'Europe/Vienna', omittedSeries: 0 });
    const [series] = answer.series;
    expect(series?.group).toEqual({ organizationId: 'anna' });
    expect(series?.points.map(({ at }) => at)).toEqual(
      Array.from({ length: 10 }, (_, i) => new Date(FROM + i * MINUTE_MS).toISOString()),
    );
    expect(series?.points[5]).toMatchObject({ count: 13, max: 1000, errorRate: (100 * 5) / 13 });
    expect(series?.compared).toMatchObject([
      { at: new Date(FROM + 5 * MINUTE_MS).toISOString(), count: 5, average: 20 },
    ]);
    expect(answer.summary.responseTime).toMatchObject({ current: 257.5, previous: 20 });
  });

  it('trends: of gauges, and limited to the greatest series', async () => {
    const depth = { ...time, metricType: 'QUEUE_DEPTH', aggregate: ['last', 'max'] } as const;
    const gauge = await client.get('trends', { ...depth, aggregate: [...depth.aggregate] });
    expect(gauge.series[0]?.points).toMatchObject([{ last: 7, max: 7 }]);
    const { series, omittedSeries } = await client.get('trends', {
      ...time,
      groupBy: ['endpoint'],
      limit: 1,
      step: '10m',
    });
    expect([series.length, series[0]?.group.endpoint, omittedSeries]).toEqual([1, '/rooms', 1]);
    const csv = await client.csv('trends', { ...time, step: '10m', aggregate: ['count'] });
    expect(csv.split('\r\n').slice(0, 2)).toEqual([
      'at,compared,count',
      expect.stringMatching(/Z,false,\d+$/),
    ]);
  });

  it('health: hosts and uptime only for who may see hosts', async () => {
    const seen = await client.get('health', time);
    expect(seen).toEqual({ status: 'healthy', timestamp: expect.any(String) });
    api.scope = UNRESTRICTED_SCOPE;
    const all = await client.get('health', { ...time, service: ['shop'] });
    expect(all.metrics).toMatchObject({ cpu: 12, gauges: { activeUsers: 3 } });
    expect(all.hosts).toMatchObject([{ service: 'shop', cpuUsage: 18 }]);
    // Every other minute; of five, and the first is the first that anybody has seen of it.
    expect(all.uptime).toEqual([{ service: 'shop', uptime: 50, intervals: 10, reported: 5 }]);
  });

  it('metrics: filters rows, and gives their tags', async () => {
    const { metrics } = await client.get('metrics', {
      ...time,
      metricType: ['DATABASE_QUERY_TIME'],
      endpoint: ['SELECT 2 anna'],
    });
    expect(metrics).toMatchObject([
      { value: 900, name: 'db.client.operation.duration', tags: { of: 'anna' }, service: 'shop' },
    ]);
    expect((await client.get('metrics', { ...time, userId: ['nobody'] })).metrics).toEqual([]);
    const csv = await client.csv('metrics', { ...time, metricType: ['DATABASE_QUERY_TIME'] });
    expect(csv.split('\r\n')).toHaveLength(5);
    expect(csv).toContain('"{""of"":""anna""}"');
  });

  it('errors: groups occurrences, and shows the last of each', async () => {
    const { errors } = await client.get('errors', { ...time, sort: 'count' });
    expect(errors).toMatchObject([
      {
        fingerprint: 'f1',
        count: 6,
        kind: 'job',
        message: 'no room 2',
        endpoint: 'mail',
        firstSeen: new Date(FROM).toISOString(),
        lastSeen: new Date(FROM + 2 * MINUTE_MS).toISOString(),
        example: { id: 'e2', context: { attempts: 3 }, stackTrace: 'at x', propertyId: 'north' },
      },
      { fingerprint: 'f2', count: 1, level: 'fatal', type: 'Error', message: 'gone' },
    ]);
    const only = await client.get('errors', { ...time, kind: ['uncaught'], level: ['fatal'] });
    expect(only.errors.map(({ fingerprint }) => fingerprint)).toEqual(['f2']);
    expect((await client.get('errors', { ...time, endpoint: ['mail'] })).errors).toHaveLength(1);
    const seen: string[] = [];
    for await (const each of client.pages('errors', { ...time, limit: 1 })) {
      seen.push(...each.errors.map(({ fingerprint }) => fingerprint));
    }
    expect(seen).toEqual(['f2', 'f1']);
    const csv = await client.csv('errors', time);
    expect(csv.split('\r\n')[0]).toBe(
      'fingerprint,count,firstSeen,lastSeen,kind,level,type,message,endpoint,service',
    );
  });

  it('openapi: describes them all, for everybody', async () => {
    const document = await client.get('openapi');
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths as object)).toContain('/api/performance/trends');
  });
});

/** What each endpoint is asked for whether it shows rows of others. A new one needs a line here. */
const SCOPE_TESTS: { readonly [N in EndpointName]: string | undefined } = {
  dashboard: `?from=${FROM}&to=${TO}&includeTest=true`,
  trends: `?from=${FROM}&to=${TO}&groupBy=organizationId,endpoint,service&compare=yesterday`,
  endpoints: `?from=${FROM}&to=${TO}&groupBy=organizationId,endpoint,service,operation`,
  database: `?from=${FROM}&to=${TO}&groupBy=organizationId,endpoint,service,operation`,
  queues: `?from=${FROM}&to=${TO}&step=1m`,
  health: `?from=${FROM}&to=${TO}`,
  metrics: `?from=${FROM}&to=${TO}&limit=10000`,
  errors: `?from=${FROM}&to=${TO}`,
  stream: '?interval=1m',
  test: '?action=dashboard',
  // It is public, and shows no rows.
  openapi: undefined,
  keys: undefined,
  key: undefined,
  alerts: undefined,
  alert: undefined,
  acknowledge: undefined,
  rules: undefined,
  silences: undefined,
  silence: undefined,
  notifications: undefined,
  read: undefined,
  receivers: undefined,
  people: undefined,
  person: undefined,
  actions: undefined,
  decisions: undefined,
  scaling: undefined,
};
/**
 * Whose scope is tested with what they change, in `access.test.ts`, `alerts-api.test.ts`,
 * `notifications.test.ts`, `people.test.ts` and `actions.test.ts`.
 */
const TESTED_THERE =
  'keys key alerts alert acknowledge rules silences silence notifications read receivers people person actions decisions scaling'.split(
    ' ',
  );

describe('the scope', () => {
  it('is declared for every endpoint, and tested', () => {
    expect(Object.keys(SCOPE_TESTS).sort()).toEqual(Object.keys(ENDPOINTS).sort());
    for (const [name, { permission }] of Object.entries(ENDPOINTS)) {
      if (TESTED_THERE.includes(name)) continue;
      const untested = SCOPE_TESTS[name as EndpointName] === undefined;
      expect([name, untested]).toEqual([name, permission === 'public']);
    }
  });

  const names = Object.keys(SCOPE_TESTS) as EndpointName[];
  it.each(names.filter((name) => SCOPE_TESTS[name] && name !== 'stream'))(
    'hides from a tenant what is of others: %s',
    async (name) => {
      const ask = async (more = '') =>
        (await fetch(`${api.url}${ENDPOINTS[name].path}${SCOPE_TESTS[name]}${more}`)).text();
      expect(await ask()).toContain(MARK);
      for (const scope of [
        createOrganizationScope('anna'),
        createOrganizationScope('anna', ['north']),
        createOrganizationScope('nobody'),
      ]) {
        api.scope = scope;
        expect(await ask()).not.toContain(MARK);
        // Naming another tenant gives nothing of it either.
        if ('organizationId' in ENDPOINTS[name].query.shape) {
          expect(await ask(`&organizationId=${MARK}`)).not.toContain(MARK);
        }
      }
    },
  );

  it('hides from a tenant what is of others: stream', async () => {
    const seen = async () => {
      let sum = 0;
      const lastEventId = `point=${FROM}`;
      for await (const event of client.stream({ interval: '1m' }, { lastEventId })) {
        if (event.type !== 'point') continue;
        sum += event.data.jobs.completed + event.data.database.count;
        if (Date.parse(event.data.to) === TO) break;
      }
      return sum;
    };
    expect(await seen()).toBe(12);
    api.scope = createOrganizationScope('anna');
    expect(await seen()).toBe(6);
    api.scope = createOrganizationScope('nobody');
    expect(await seen()).toBe(0);
  });
});

describe('paging', () => {
  it('gives every row once while rows are inserted, and ends', async () => {
    const { recorder } = api.parts;
    const extra = { name: 'paged', metricType: 'CUSTOM' as const, value: 1 };
    for (let i = 0; i < 100; i++) {
      recorder.recordMetric({ ...extra, tags: { i }, timestamp: FROM + Math.floor(i / 10) });
    }
    await api.stored();
    // Two rows of one millisecond that only microseconds tell apart.
    await api.questdb.sql(
      `INSERT INTO performance_metrics (timestamp, id, name, metric_type, value, test) VALUES
       (${FROM * 1000 + 1}, 'micro-1', 'paged', 'CUSTOM', 1, false),
       (${FROM * 1000 + 2}, 'micro-2', 'paged', 'CUSTOM', 1, false)`,
    );
    await api.stored();
    const seen: string[] = [];
    for await (const { metrics } of client.pages('metrics', {
      ...time,
      name: ['paged'],
      limit: 7,
    })) {
      seen.push(...metrics.map(({ id }) => id));
      // Newer than every page: it belongs to none of them.
      recorder.recordMetric({ ...extra, timestamp: FROM + 5000 + seen.length });
      await api.stored();
    }
    expect(seen).toHaveLength(102);
    expect(new Set(seen).size).toBe(102);
    expect(seen.slice(-10).join()).not.toContain('micro');
    expect(seen).toEqual(expect.arrayContaining(['micro-1', 'micro-2']));
  });

  it('of groups gives each once, and keeps the time of the first page', async () => {
    const seen: unknown[] = [];
    for await (const page of client.pages('endpoints', { last: '30m', limit: 1 })) {
      seen.push(...page.endpoints.map(({ group }) => group.endpoint));
      expect(Date.now() - Date.parse(page.to)).toBeGreaterThanOrEqual(0);
    }
    expect(seen.sort()).toEqual(['/rooms', '=cmd()', MARK]);
  });

  it('refuses a cursor of another question', async () => {
    const { nextCursor } = await client.get('metrics', { ...time, limit: 1 });
    const other = client.get('metrics', { ...time, name: ['x'], cursor: nextCursor });
    await expect(other).rejects.toMatchObject({
      code: 'PS_REQUEST_INVALID',
      status: 400,
      problem: { errors: [{ parameter: 'cursor' }] },
    });
    expect(await other.catch((error) => error)).toBeInstanceOf(ApiError);
  });
});

describe('the stream', () => {
  it('goes on where it was, without a gap or a repetition', async () => {
    const { recorder } = api.parts;
    const sent: { id: string; from: string; to: string; count: number }[] = [];
    const started = Date.now();
    let recorded = 0;
    const working = setInterval(() => {
      recorded += 1;
      recorder.recordMetric({
        metricType: 'API_RESPONSE_TIME',
        name: 'x',
        value: 5,
        service: 'streamed',
      });
      void api.parts.flush();
    }, 100);
    let lastEventId: string | undefined;
    for (let connection = 0; connection < 4; connection++) {
      for await (const { id, type, data } of client.stream(
        { interval: '1s', service: ['streamed'] },
        { lastEventId },
      )) {
        expect(type).toBe('point');
        lastEventId = id;
        if (type === 'point') sent.push({ id, ...data, count: data.api.count });
        if (sent.length >= 3 * (connection + 1)) break;
      }
      if (connection === 2) clearInterval(working);
      // Longer than an interval: what is missed is computed again.
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
    expect(sent).toHaveLength(12);
    for (const [i, { from, id, to }] of sent.entries()) {
      if (i > 0) expect(from).toBe(sent[i - 1]?.to);
      // That of decisions is in every id, so that none is missed.
      expect(id).toMatch(/(^|,)decision=\d+/);
      expect(id.split(',')).toContain(`point=${Date.parse(to)}`);
    }
    await api.stored();
    const [[stored] = []] = await api.questdb.sql(
      `SELECT count() FROM performance_metrics WHERE service = 'streamed'
       AND timestamp >= '${sent[0]?.from}' AND timestamp < '${sent.at(-1)?.to}'`,
    );
    expect(recorded).toBeGreaterThan(10);
    expect(started).toBeLessThan(Date.parse(sent.at(-1)?.to ?? ''));
    expect(sent.reduce((sum, { count }) => sum + count, 0)).toBe(Number(stored));
  });

  it('has headers that no proxy keeps it back with', async () => {
    const leave = new AbortController();
    const response = await fetch(`${api.url}/api/performance/stream`, { signal: leave.signal });
    expect(response.headers.get('Content-Type')).toContain('text/event-stream');
    expect(response.headers.get('X-Accel-Buffering')).toBe('no');
    expect(response.headers.get('Cache-Control')).toContain('no-transform');
    leave.abort();
  });

  it('refuses what it can not do, and more listeners than it has places for', async () => {
    const refused = async (query: string) => {
      const response = await fetch(`${api.url}/api/performance/stream${query}`);
      return [response.status, ((await response.json()) as { code: string }).code];
    };
    expect(await refused('?interval=6m')).toEqual([400, 'PS_REQUEST_INVALID']);
    const leave = new AbortController();
    const listening = Array.from({ length: 100 }, () =>
      fetch(`${api.url}/api/performance/stream?interval=5m`, { signal: leave.signal }),
    );
    await Promise.all(listening);
    expect(await refused('')).toEqual([503, 'PS_UNAVAILABLE']);
    leave.abort();
    await waitFor(async () => {
      const again = new AbortController();
      const { status } = await fetch(`${api.url}/api/performance/stream`, { signal: again.signal });
      again.abort();
      return status === 200;
    });
  });
});

describe('HTTP', () => {
  const path = `/api/performance/endpoints?from=${FROM}&to=${TO}`;
  // Without it, fetch asks to be answered anew.
  const revalidate = { 'Cache-Control': 'max-age=0' };
  const ask = (method: string, of: string, headers: Record<string, string> = {}) =>
    fetch(api.url + of, { method, headers: { ...revalidate, ...headers } });

  it('answers with 304 what has not changed', async () => {
    const first = await ask('GET', path);
    expect(first.headers.get('Cache-Control')).toBe('private, no-cache');
    expect(first.headers.get('Vary')).toContain('Authorization');
    const etag = first.headers.get('ETag') ?? '';
    expect(etag).toMatch(/^W\//);
    expect((await ask('GET', path, { 'If-None-Match': etag })).status).toBe(304);
    api.scope = createOrganizationScope('anna');
    expect((await ask('GET', path, { 'If-None-Match': etag })).status).toBe(200);
    const over = `/api/performance/endpoints?from=${FROM - 9e6}&to=${FROM - 8e6}`;
    expect((await ask('GET', over)).headers.get('Cache-Control')).toBe('private, max-age=300');
  });

  it.each([
    ['HEAD', '/api/performance/dashboard', 200, null],
    ['OPTIONS', '/api/performance/dashboard', 204, 'GET, HEAD'],
    ['POST', '/api/performance/dashboard', 405, 'GET, HEAD'],
    ['DELETE', '/api/performance/test', 405, 'GET, POST'],
    ['HEAD', '/api/performance/test?action=cleanup', 405, 'GET, POST'],
    ['HEAD', '/api/performance/stream', 405, 'GET'],
  ])('%s %s', async (method, of, status, allow) => {
    const response = await ask(method, of);
    expect([response.status, response.headers.get('Allow')]).toEqual([status, allow]);
  });

  it('says the nearest endpoint where there is none', async () => {
    const response = await ask('GET', '/api/performance/dashbord');
    expect(response.headers.get('Content-Type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({
      status: 404,
      code: 'PS_NOT_FOUND',
      detail: expect.stringContaining('Did you mean /api/performance/dashboard?'),
    });
  });

  it('names each wrong parameter and what would be right', async () => {
    const response = await ask(
      'GET',
      '/api/performance/trends?lst=1h&aggregate=p42&step=1s&last=1d',
    );
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'PS_REQUEST_INVALID',
      errors: [
        { parameter: 'lst', reason: expect.stringContaining('did you mean last?') },
        { parameter: 'aggregate', allowed: expect.stringContaining('p95') },
      ],
    });
    const many = await ask('GET', '/api/performance/trends?step=1s&last=1d');
    expect(await many.json()).toMatchObject({
      errors: [{ parameter: 'step', allowed: '1m or more for this range' }],
    });
  });

  it.each(['/api/%E0%A4%A', '/api/performance/dashboard?%', '/%00', '//api//performance'])(
    'never fails of %s',
    async (of) => {
      expect((await ask('GET', of)).status).toBeLessThan(500);
    },
  );
});

it('is not ready while a table takes rows without storing them', async () => {
  const ready = async () => {
    const response = await fetch(`${api.url}/readyz`);
    return [response.status, await response.text()] as const;
  };
  expect(await ready()).toEqual([200, '{"status":"ready"}']);
  await api.questdb.sql('ALTER TABLE queue_metrics SUSPEND WAL');
  const [status, text] = await waitFor(async () => {
    const answer = await ready();
    return answer[0] === 503 && answer;
  });
  expect([status, JSON.parse(text)]).toMatchObject([503, { code: 'PS_TABLE_SUSPENDED' }]);
  expect(text).toContain('queue_metrics');
  await api.questdb.sql('ALTER TABLE queue_metrics RESUME WAL');
  await waitFor(async () => (await ready())[0] === 200);
});

it('ends its streams when the server stops', async () => {
  const response = await fetch(`${api.url}/api/performance/stream?interval=5m`);
  const text = response.text();
  api.stopping.abort();
  expect(await text).toMatch(/^retry: \d+\n\n/);
});
