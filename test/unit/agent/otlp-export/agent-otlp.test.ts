import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { metrics } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Agent, type AgentOptions } from '../../../../src/agent/agent.ts';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { writeDiscoveryFile } from '../../../../src/core/config/server-discovery.ts';
import { getQuestdbStoreId, getSpoolStoreId } from '../../../../src/core/config/store-id.ts';
import type {
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
  OtelNumberPoint,
} from '../../../../src/core/otel/metric-data.ts';
import { getProcessIdentity } from '../../../../src/core/process-identity.ts';
import { PerformanceMetricType } from '../../../../src/core/schema/enums.ts';
import { FakeQuestdb } from '../../../support/fake-questdb.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import { OtlpReceiver } from '../../../support/otlp-receiver.ts';
import { waitFor } from '../../../support/wait-for.ts';

const log = { info: () => {}, warn: vi.fn<(message: string) => void>(), error: () => {} };
const server = createServer((request, response) => {
  response.statusCode = request.url === '/fail' ? 503 : 200;
  response.end('ok');
});
let folder: string;
let receiver: OtlpReceiver;
let agent: Agent;
let url: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-otlp-'));
  receiver = await new OtlpReceiver().start();
  log.warn.mockClear();
});
afterEach(async () => {
  await agent.shutdown(0);
  server.close();
  server.closeAllConnections();
  receiver.stop();
  rmSync(folder, { recursive: true });
});

/** Starts an agent with the settings, and the application. */
async function startAgent(
  env: Record<string, string> = {},
  options?: { dryRun: boolean },
  agentOptions?: Partial<AgentOptions>,
): Promise<void> {
  const variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    PERFORMANCE_SPOOL_DIR: join(folder, 'spool'),
    OTEL_METRIC_EXPORT_INTERVAL: '3600000',
    ...env,
  };
  const { settings, problems } = parseSettings(variables);
  expect(problems).toEqual([]);
  const resource = {
    service: 'orders',
    serviceVersion: '2',
    environment: 'test',
    instance: 'orders-1',
  };
  agent = new Agent({
    config: {
      settings,
      problems,
      resource,
      host: 'pod-1',
      resourceAttributes: new Map([['cloud.region', 'eu-1']]),
      discoveryFile: join(folder, 'server.json'),
      folder,
    },
    log,
    ...agentOptions,
  });
  agent.instrument([], options);
  agent.connect();
  url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
}

const request = (path: string) => fetch(url + path).then((response) => response.text());
const getPoints = <P>(name: string) => receiver.getPoints(name) as P[];

it('sends everything the agent measures, with standard names and units', async () => {
  await startAgent();
  for (const path of ['/ok', '/ok', '/fail']) await request(path);
  agent.recordJob({
    queueName: 'mails',
    jobId: '1',
    status: 'completed',
    jobType: 'send',
    duration: 2500,
    waitTime: 100,
    organizationId: 'acme',
    propertyId: 'hotel',
  });
  agent.recorder.recordMetric({
    name: 'quote',
    metricType: PerformanceMetricType.API_RESPONSE_TIME,
    value: 250,
    endpoint: '/quotes',
    operation: 'GET',
    organizationId: 'acme',
    tags: { channel: 'web', nested: { a: 1 } },
    error: true,
  });
  agent.recorder.recordMetric({ name: 'stars', value: 4, unit: '{star}', endpoint: 'review' });
  agent.recorder.recordMetric({ name: 'probe', value: 1, test: true });
  agent.health.registerGauge('activeUsers', () => 17);
  metrics
    .getMeter('shop', '1.2')
    .createCounter('orders', { unit: '{order}' })
    .add(3, { vip: true });
  agent.startSystemMetrics();
  await agent.flush();
  await waitFor(async () => receiver.getPoints('activeUsers').length > 0);

  expect(receiver.resource).toMatchObject({
    'service.name': 'orders',
    'service.version': '2',
    'service.instance.id': 'orders-1',
    'deployment.environment.name': 'test',
    'cloud.region': 'eu-1',
    'telemetry.distro.name': 'perfscope',
  });
  const requests = getPoints<OtelHistogramPoint>('http.server.request.duration');
  expect(requests.map(({ count, attributes }) => [count, attributes])).toEqual([
    [2, { 'http.request.method': 'GET', 'url.scheme': 'http', 'http.response.status_code': 200 }],
    [
      1,
      {
        'http.request.method': 'GET',
        'url.scheme': 'http',
        'http.response.status_code': 503,
        'error.type': '503',
      },
    ],
  ]);
  const tenant = { 'perfscope.organization.id': 'acme', 'perfscope.property.id': 'hotel' };
  expect(receiver.getPoints('messaging.process.duration')).toMatchObject([
    { sum: 2.5, attributes: { 'messaging.destination.name': 'mails', ...tenant } },
  ]);
  expect(receiver.getPoints('perfscope.queue.wait.duration')).toMatchObject([{ sum: 0.1 }]);
  expect(receiver.getPoints('quote')).toMatchObject([
    {
      count: 1,
      sum: 0.25,
      attributes: {
        'http.route': '/quotes',
        'http.request.method': 'GET',
        'perfscope.metric.type': 'API_RESPONSE_TIME',
        'perfscope.organization.id': 'acme',
        channel: 'web',
        nested: '{"a":1}',
        'error.type': '_OTHER',
      },
    },
  ]);
  expect(receiver.getPoints('stars')).toMatchObject([
    { sum: 4, attributes: { 'perfscope.endpoint': 'review' } },
  ]);
  expect(receiver.getPoints('probe')).toEqual([]);
  expect(receiver.getPoints('activeUsers')).toMatchObject([
    { value: 17, attributes: { 'perfscope.metric.type': 'ACTIVE_USERS' } },
  ]);
  expect(receiver.getPoints('orders')).toMatchObject([{ value: 3, attributes: { vip: true } }]);
  const units = new Map(receiver.metrics.map(({ name, unit }) => [name, unit]));
  expect(Object.fromEntries(units)).toMatchObject({
    'http.server.request.duration': 's',
    'messaging.process.duration': 's',
    quote: 's',
    stars: '{star}',
    orders: '{order}',
    'system.memory.utilization': '1',
    'v8js.memory.heap.used': 'By',
  });
  expect(log.warn).not.toHaveBeenCalled();
});

it('stores nothing for QuestDB if no QuestDB is configured or running', async () => {
  await startAgent();
  await request('/ok');
  agent.recorder.recordMetric({ name: 'x', value: 1 });
  expect(agent.isOtlpOnly).toBe(true);
  await agent.flush();
  const { resource } = receiver.requests[0]!.resources[0]!;
  expect(resource).not.toHaveProperty(['perfscope.store.id']);
  expect(agent.deferredWriter.pendingRows).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
});

/** Starts a server with the QuestDB at `questdbUrl`, as far as an agent can see. */
function publishServer(questdbUrl: string): void {
  const read = { host: '127.0.0.1', port: 1, user: 'u', password: 'p', database: 'qdb' };
  writeDiscoveryFile(join(folder, 'server.json'), {
    process: getProcessIdentity(process.pid),
    serverUrl: 'http://127.0.0.1:1',
    questdb: { write: { url: questdbUrl }, read },
    spoolDir: join(folder, 'spool'),
    dataDir: folder,
  });
}

it('also stores rows if a local server is running at the start', async () => {
  const questdb = new FakeQuestdb();
  await questdb.start();
  publishServer(questdb.url);
  await startAgent();
  await request('/ok');
  await agent.flush();
  questdb.stop();
  expect(agent.isOtlpOnly).toBe(false);
  expect(receiver.getPoints('http.server.request.duration')).not.toEqual([]);
  const storeId = getSpoolStoreId(join(folder, 'spool'));
  expect(receiver.requests[0]!.resources[0]!.resource['perfscope.store.id']).toBe(storeId);
  expect(questdb.lines.join()).toContain('name=http.server.request.duration');
});

it('identifies the store of a server, which has no discovery file at its start', async () => {
  const spoolDir = join(folder, 'spool');
  const target = () => ({ url: 'http://127.0.0.1:1' });
  await startAgent({}, undefined, { isServer: true, spoolDir, target });
  await request('/ok');
  agent.flushSync();
  await waitFor(async () => {
    await agent.sendSpooled(1000);
    return receiver.requests.length > 0;
  });
  const { resource } = receiver.requests[0]!.resources[0]!;
  expect(resource['perfscope.store.id']).toBe(getSpoolStoreId(spoolDir));
});

it('stores no rows if a local server starts later', async () => {
  const questdb = new FakeQuestdb();
  await questdb.start();
  await startAgent();
  publishServer(questdb.url);
  await request('/ok');
  await agent.flush();
  questdb.stop();
  expect(questdb.lines).toEqual([]);
});

it('also stores rows in a configured QuestDB', async () => {
  const questdb = new FakeQuestdb();
  await questdb.start();
  await startAgent({ PERFORMANCE_QUESTDB_URL: questdb.url });
  await request('/ok');
  await agent.flush();
  expect(agent.isOtlpOnly).toBe(false);
  expect(getPoints<OtelHistogramPoint>('http.server.request.duration')[0]?.count).toBe(1);
  const storeId = getQuestdbStoreId({ write: { url: questdb.url } });
  expect(receiver.requests[0]!.resources[0]!.resource['perfscope.store.id']).toBe(storeId);
  const rows = questdb.lines.filter((line) => line.includes('name=http.server.request.duration'));
  expect(
    rows.some((line) => line.startsWith('performance_metrics') && line.includes('count=1i')),
  ).toBe(true);
  questdb.stop();
});

it.each([
  ['cumulative', { counter: 'cumulative', observable: 'cumulative', histogram: 'cumulative' }],
  ['delta', { counter: 'delta', observable: 'delta', histogram: 'delta' }],
  ['lowmemory', { counter: 'delta', observable: 'cumulative', histogram: 'delta' }],
])('uses the temporality preference %s', async (preference, expected) => {
  await startAgent({ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: preference });
  const meter = metrics.getMeter('app');
  const counter = meter.createCounter('counter');
  const upDown = meter.createUpDownCounter('updown');
  meter.createObservableCounter('observable').addCallback((result) => result.observe(5));
  const histogram = meter.createHistogram('histogram');
  for (const value of [1, 2]) {
    counter.add(value);
    upDown.add(value);
    histogram.record(value);
    await request('/ok');
    await agent.flush();
  }
  const temporalities = new Map(
    receiver.metrics.map((each) => [each.name, 'temporality' in each && each.temporality]),
  );
  expect(Object.fromEntries(temporalities)).toMatchObject({
    ...expected,
    updown: 'cumulative',
    'http.server.request.duration': expected.histogram,
  });
  const isDelta = expected.counter === 'delta';
  expect(getPoints<OtelNumberPoint>('counter').map(({ value }) => value)).toEqual(
    isDelta ? [1, 2] : [1, 3],
  );
  // The agent also measures the receiver, which is in this process.
  const counts = getPoints<OtelHistogramPoint>('http.server.request.duration')
    .filter(({ attributes }) => attributes['http.request.method'] === 'GET')
    .map(({ count }) => count);
  expect(counts).toEqual(isDelta ? [1, 1] : [1, 2]);
});

it('sends exponential histograms if the settings require them', async () => {
  await startAgent({
    OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'base2_exponential_bucket_histogram',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  });
  metrics.getMeter('app').createHistogram('size').record(3);
  await request('/ok');
  await agent.flush();
  for (const name of ['http.server.request.duration', 'size']) {
    const [point] = getPoints<OtelExponentialHistogramPoint>(name);
    expect(point?.positive.bucketCounts).toEqual([1]);
  }
  expect(receiver.requests[0]?.headers['content-type']).toBe('application/json');
});

it('splits metrics into requests of at most 1,000 points', async () => {
  await startAgent();
  const counter = metrics.getMeter('app').createCounter('many');
  for (let i = 0; i < 1500; i++) counter.add(1, { i });
  await agent.flush();
  const pointCounts = receiver.requests.map(({ resources }) =>
    resources
      .flatMap(({ scopes }) => scopes.flatMap((scope) => scope.metrics))
      .reduce((sum, { points }) => sum + points.length, 0),
  );
  expect(pointCounts[0]).toBe(1000);
  expect(receiver.getPoints('many')).toHaveLength(1500);
});

it('collects the last values synchronously, and sends them when asked to', async () => {
  await startAgent({ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta' });
  metrics.getMeter('app').createCounter('last').add(7);
  await request('/ok');
  expect(agent.flushSync()).toBe(true);
  await agent.sendSpooled(5000);
  expect(receiver.getPoints('last')).toMatchObject([{ value: 7 }]);
  expect(receiver.getPoints('http.server.request.duration')).toHaveLength(1);
});

it('counts sent and dropped points', async () => {
  await startAgent();
  receiver.respondOnce(400, 'no');
  await agent.flush();
  await agent.flush();
  await agent.flush();
  expect(receiver.getPoints('perfscope.export.points.dropped')[0]).toMatchObject({
    attributes: { 'perfscope.drop.reason': 'rejected' },
  });
  expect(receiver.getPoints('perfscope.export.points.sent').length).toBeGreaterThan(0);
});

it('sends nothing if a certificate is missing, and logs this', async () => {
  await startAgent({ OTEL_EXPORTER_OTLP_CERTIFICATE: join(folder, 'missing.pem') });
  await agent.flush();
  expect(receiver.requests).toEqual([]);
  expect(log.warn.mock.calls).toEqual([
    [expect.stringContaining('OTEL_EXPORTER_OTLP_CERTIFICATE')],
  ]);
});

it.each([
  ['in a dry run', {}, { dryRun: true }],
  ['if the export is turned off', { PERFORMANCE_OTLP_EXPORT: 'false' }, undefined],
])('sends nothing %s', async (_case, env, options) => {
  await startAgent(env, options);
  await request('/ok');
  agent.flushSync();
  await agent.shutdown(100);
  expect(receiver.requests).toEqual([]);
});
