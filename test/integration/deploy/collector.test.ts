import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../../demo/server-process.ts';
import { toolPath } from '../../../scripts/tools.mjs';
import { stopProcess } from '../../../src/storage/questdb/launch-questdb.ts';
import { CollectorProcess, toCollectorPath } from '../../support/collector-process.ts';
import { readCompose } from '../../support/compose.ts';
import { type RecordedRequest, RecordingServer } from '../../support/recording-server.ts';
import { waitFor } from '../../support/wait-for.ts';

const EXAMPLES = readdirSync('collector/examples').map((name) => `examples/${name}`);
/** Files that are used together. */
const COMBINATIONS = [
  ['agent.yaml'],
  ['agent.yaml', 'container.yaml'],
  ['agent.yaml', 'key.yaml'],
  ['gateway.yaml'],
  ['gateway.yaml', 'prometheus.yaml'],
  ...EXAMPLES.map((example) => ['gateway.yaml', example]),
  ['gateway.yaml', 'prometheus.yaml', ...EXAMPLES],
];
const DELTA = 1;
const CUMULATIVE = 2;
const SECRET = 'the-secret';
const folder = mkdtempSync(join(tmpdir(), 'perfscope-collector-'));
const secretFile = join(folder, 'secret');
const running: { stop?(): Promise<void>; close?(): Promise<void> }[] = [];
let collector = '';
// Compiles the Collector if it isn't in the cache.
beforeAll(async () => {
  collector = await toolPath('collector');
  writeFileSync(secretFile, `${SECRET}\n`);
}, 30 * 60_000);
afterAll(async () => {
  for (const each of running) await (each.stop?.() ?? each.close?.());
  rmSync(folder, { recursive: true, force: true });
});

function validate(files: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const args = files.map((file) => `--config=${toCollectorPath(file)}`);
  const { status, stderr } = spawnSync(collector, ['validate', ...args], {
    encoding: 'utf8',
    env: { HOST_ROOT: '/', PERFSCOPE_KEY_FILE: secretFile, ...env },
  });
  return { status, stderr };
}

async function startCollector(files: readonly string[], env: Record<string, string> = {}) {
  const queueDir = mkdtempSync(join(folder, 'queue-'));
  const started = await CollectorProcess.start({
    files,
    queueDir,
    env: { PERFSCOPE_KEY_FILE: secretFile, ...env },
  });
  running.push(started);
  return started;
}

async function startServer(): Promise<RecordingServer> {
  const server = await RecordingServer.start();
  running.push(server);
  return server;
}

/** Sends a cumulative counter of the service `booking`. */
async function sendCounter(url: string, value: number): Promise<void> {
  const now = BigInt(Date.now()) * 1_000_000n;
  // Values that started before the Collector aren't converted to delta values.
  const point = { asInt: value, startTimeUnixNano: now, timeUnixNano: now + 1n };
  const sum = { dataPoints: [point], aggregationTemporality: 2, isMonotonic: true };
  const attributes = [{ key: 'service.name', value: { stringValue: 'booking' } }];
  const scopeMetrics = [{ metrics: [{ name: 'hotel.bookings', sum }] }];
  const response = await fetch(`${url}/v1/metrics`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(
      { resourceMetrics: [{ resource: { attributes }, scopeMetrics }] },
      (_key, each) => (typeof each === 'bigint' ? String(each) : each),
    ),
  });
  expect(response.status).toBe(200);
}

it.each(COMBINATIONS.map((files) => files.join(' + ')))('accepts %s', (files) => {
  expect(validate(files.split(' + '))).toEqual({ status: 0, stderr: '' });
});

it.each(['collector', 'gateway'])('accepts the settings of the container %s', (name) => {
  const { command, environment } = readCompose().services[name]!;
  const files = command!.map((argument) => argument.replace('--config=/etc/otelcol/', ''));
  const env = {
    ...environment,
    HOST_ROOT: '/',
    HOST_NAME: 'web-1',
    PERFSCOPE_KEY_FILE: secretFile,
  };
  expect(validate(files, env)).toEqual({ status: 0, stderr: '' });
});

it('rejects an invalid configuration', () => {
  const broken = join(folder, 'broken.yaml');
  const text = readFileSync('collector/agent.yaml', 'utf8');
  writeFileSync(broken, text.replace('check_interval', 'check_intervall'));
  expect(validate([broken])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('check_intervall'),
  });
});

it('sends OTLP and host metrics through the gateway, with the key, and exports them to Prometheus', async () => {
  const server = await startServer();
  const gateway = await startCollector(['gateway.yaml', 'prometheus.yaml'], {
    PERFSCOPE_URL: server.url,
  });
  const env = { PERFSCOPE_URL: gateway.url(), HOST_NAME: 'web-1' };
  const agent = await startCollector(['agent.yaml'], env);
  await sendCounter(agent.url(), 42);

  const text = await waitFor(async () => {
    const page = await (await fetch(`${gateway.url('PROMETHEUS_PORT')}/metrics`)).text();
    return page.includes('system_filesystem') && page.includes('hotel_bookings') && page;
  });
  expect(text).toMatch(/^hotel_bookings_total\{.*host_name="web-1".*job="booking".*\} 42$/m);
  expect(text).toMatch(/^system_memory_usage_bytes\{.*host_name="web-1".*\}/m);
  const lint = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect(lint.stderr).not.toMatch(/error/i);
  expect(await agent.readOwnMetric('otelcol_receiver_accepted_metric_points')).toBeGreaterThan(1);

  const bodies = await waitFor(async () => {
    const all = Buffer.concat(server.requests.map(({ body }) => body)).toString('latin1');
    return all.includes('hotel.bookings') && all.includes('system.cpu.time') && all;
  });
  expect(bodies).toContain('web-1');
  const [{ path, headers } = {}] = server.requests;
  expect([path, headers]).toMatchObject([
    '/v1/metrics',
    {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      authorization: `Bearer ${SECRET}`,
    },
  ]);
});

describe('the examples', () => {
  /** Starts a gateway with an example, and sends it a counter. */
  async function startGateway(
    example: string,
    exporters: readonly string[],
    env: Record<string, string>,
  ) {
    // JSON is easier to read here than protobuf.
    const settings = { encoding: 'json', sending_queue: { batch: { flush_timeout: '100ms' } } };
    const overlay = join(folder, `${example}.yaml`);
    const all = Object.fromEntries(exporters.map((name) => [name, settings]));
    writeFileSync(overlay, JSON.stringify({ exporters: all }));
    const files = ['gateway.yaml', `examples/${example}.yaml`, overlay];
    const gateway = await startCollector(files, env);
    await sendCounter(gateway.url(), 42);
  }

  const waitForRequest = ({ requests }: RecordingServer) => waitFor(async () => requests[0]);

  const temporalityOf = ({ body }: RecordedRequest): number => {
    const { resourceMetrics } = JSON.parse(String(body));
    const [{ sum }] = resourceMetrics[0].scopeMetrics[0].metrics;
    expect(sum.dataPoints).toMatchObject([{ asInt: '42' }]);
    return sum.aggregationTemporality;
  };

  it.each([
    ['datadog', 'otlp_http/datadog', 'dd-api-key', 'DD_API_KEY', 'DD_OTLP_URL'],
    ['new-relic', 'otlp_http/new_relic', 'api-key', 'NEW_RELIC_LICENSE_KEY', 'NEW_RELIC_OTLP_URL'],
  ])('forward delta values to %s, and the original values to Perfscope', async (...names) => {
    const [example, exporter, header, keyVariable, urlVariable] = names;
    const [hosted, perfscope] = [await startServer(), await startServer()];
    await startGateway(example, ['otlp_http', exporter], {
      [keyVariable]: SECRET,
      [urlVariable]: hosted.url,
      PERFSCOPE_URL: perfscope.url,
    });
    const forwarded = await waitForRequest(hosted);
    expect(forwarded.path).toBe('/v1/metrics');
    expect(forwarded.headers[header]).toBe(SECRET);
    expect(forwarded.headers).not.toHaveProperty('authorization');
    expect(temporalityOf(forwarded)).toBe(DELTA);
    expect(temporalityOf(await waitForRequest(perfscope))).toBe(CUMULATIVE);
  });

  it('send only delta values to several servers', async () => {
    const perfscope = await startServer();
    await startGateway('several-servers', ['otlp_http'], { PERFSCOPE_URL: perfscope.url });
    expect(temporalityOf(await waitForRequest(perfscope))).toBe(DELTA);
  });

  it('forward metrics to Prometheus with remote write', async () => {
    const port = await findFreePort();
    const config = join(folder, 'prometheus.yml');
    writeFileSync(config, '');
    const url = `http://127.0.0.1:${port}`;
    const flags = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
    ];
    const prometheus = spawn('prometheus', flags, { stdio: 'ignore' });
    running.push({ stop: () => stopProcess(prometheus) });
    await waitFor(async () => (await fetch(`${url}/-/ready`)).ok);
    const perfscope = await startServer();
    await startGateway('prometheus-remote-write', ['otlp_http'], {
      PERFSCOPE_URL: perfscope.url,
      PROMETHEUS_WRITE_URL: `${url}/api/v1/write`,
    });
    const value = await waitFor(async () => {
      const query = encodeURIComponent('hotel_bookings_total{job="booking"}');
      const response = await fetch(`${url}/api/v1/query?query=${query}`);
      const { data } = (await response.json()) as {
        data: { result: { value: [number, string] }[] };
      };
      return data.result[0]?.value[1];
    });
    expect(value).toBe('42');
    expect(temporalityOf(await waitForRequest(perfscope))).toBe(CUMULATIVE);
  });
});
