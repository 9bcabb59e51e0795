import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePort } from '../../demo/server-process.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { sendRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const server = new PerfscopeServer();
let hotel: InstrumentedApp | undefined;
let prometheus: ChildProcess | undefined;
let prometheusUrl = '';
let serviceUrl = '';

beforeAll(async () => {
  await server.start();
  const servicePort = await findFreePort();
  serviceUrl = `http://127.0.0.1:${servicePort}`;
  const env = { ...server.env, OTEL_EXPORTER_PROMETHEUS_PORT: String(servicePort) };
  hotel = new InstrumentedApp('test/apps/hotel-esm.mjs', { env });
  await sendRequests(`${await hotel.url()}/rooms/1`, 40);

  const port = await findFreePort();
  prometheusUrl = `http://127.0.0.1:${port}`;
  const config = join(server.folder, 'prometheus.json');
  const job = (name: string, url: string) => ({
    job_name: name,
    scrape_interval: '1s',
    static_configs: [{ targets: [new URL(url).host] }],
  });
  const jobs = [job('server', server.url), job('service', serviceUrl)];
  writeFileSync(config, JSON.stringify({ scrape_configs: jobs }));
  prometheus = spawn('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(server.folder, 'prometheus')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
});

afterAll(async () => {
  const exited = new Promise((done) => prometheus?.once('exit', done));
  if (prometheus?.kill()) await exited;
  await hotel?.stop();
  await server.remove();
});

async function queryPrometheus(query: string): Promise<{ value: [number, string] }[]> {
  const response = await fetch(`${prometheusUrl}/api/v1/query?query=${encodeURIComponent(query)}`);
  const body = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return body.data.result;
}

it.each([
  ['server', '/api/performance/health'],
  ['service', '/rooms/:id'],
])('exposes the request histogram of the %s to Prometheus', async (job) => {
  // Without a request, the server has no histogram.
  await fetch(`${server.url}/api/performance/health`);
  for (const suffix of ['bucket', 'count']) {
    const found = await waitFor(async () => {
      const series = await queryPrometheus(`http_server_request_duration_${suffix}{job="${job}"}`);
      return series.length > 0 && series;
    });
    expect(found.length).toBeGreaterThan(0);
  }
});

it('counts each request once in Prometheus', async () => {
  const count = await waitFor(async () => {
    const [series] = await queryPrometheus(
      'sum(http_server_request_duration_count{job="service",http_route="/rooms/:id"})',
    );
    const requests = Number(series?.value[1]);
    return requests >= 40 && requests;
  });
  expect(count).toBe(40);
});

it.each(['server', 'service'])('passes the promtool checks on the %s', async (target) => {
  const base = target === 'server' ? server.url : serviceUrl;
  const text = await (await fetch(`${base}/metrics`)).text();
  expect(text).toContain('# TYPE http_server_request_duration histogram');
  const lint = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect([lint.status, lint.stderr]).toEqual([0, '']);
});

it('an unfinished request to the service does not keep its process running', async () => {
  const port = await findFreePort();
  const app = new InstrumentedApp('test/apps/ends-on-signal.cjs', {
    env: { ...server.env, OTEL_EXPORTER_PROMETHEUS_PORT: String(port) },
  });
  const metricsUrl = `http://127.0.0.1:${port}/metrics`;
  await waitFor(() =>
    fetch(metricsUrl).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  await new Promise((sent) => socket.write('GET /metrics HTTP/1.1\r\n', sent));
  app.child.kill('SIGUSR2');
  expect(await app.exited, app.output).toBe(0);
  socket.destroy();
});
