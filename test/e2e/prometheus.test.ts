import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePort } from '../../demo/server-process.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { sendRequests } from '../support/send-requests.ts';
import { waitFor } from '../support/wait-for.ts';

const product = new PerfscopeServer();
let hotel: InstrumentedApp | undefined;
let prometheus: ChildProcess | undefined;
let prometheusUrl = '';
let serviceUrl = '';

beforeAll(async () => {
  await product.start();
  const servicePort = await findFreePort();
  serviceUrl = `http://127.0.0.1:${servicePort}`;
  const env = { ...product.env, OTEL_EXPORTER_PROMETHEUS_PORT: String(servicePort) };
  hotel = new InstrumentedApp('test/apps/hotel-esm.mjs', { env });
  await sendRequests(`${await hotel.url()}/rooms/1`, 40);

  const port = await findFreePort();
  prometheusUrl = `http://127.0.0.1:${port}`;
  const config = join(product.folder, 'prometheus.json');
  const job = (name: string, url: string) => ({
    job_name: name,
    scrape_interval: '1s',
    static_configs: [{ targets: [new URL(url).host] }],
  });
  const jobs = [job('server', product.url), job('service', serviceUrl)];
  writeFileSync(config, JSON.stringify({ scrape_configs: jobs }));
  prometheus = spawn('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(product.folder, 'prometheus')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
});

afterAll(async () => {
  const ended = new Promise((done) => prometheus?.once('exit', done));
  if (prometheus?.kill()) await ended;
  await hotel?.stop();
  await product.remove();
});

async function ask(query: string): Promise<{ value: [number, string] }[]> {
  const response = await fetch(`${prometheusUrl}/api/v1/query?query=${encodeURIComponent(query)}`);
  const body = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return body.data.result;
}

it.each([
  ['server', '/api/performance/health'],
  ['service', '/rooms/:id'],
])('a real Prometheus finds the histogram of the %s', async (job) => {
  // The server has a request to count.
  await fetch(`${product.url}/api/performance/health`);
  for (const part of ['bucket', 'count']) {
    const found = await waitFor(async () => {
      const series = await ask(`http_server_request_duration_${part}{job="${job}"}`);
      return series.length > 0 && series;
    });
    expect(found.length).toBeGreaterThan(0);
  }
});

it('counts in Prometheus what was sent', async () => {
  const count = await waitFor(async () => {
    const [series] = await ask(
      'sum(http_server_request_duration_count{job="service",http_route="/rooms/:id"})',
    );
    return series && Number(series.value[1]);
  });
  expect(count).toBe(40);
});

it.each(['server', 'service'])('promtool has nothing to complain of at the %s', async (which) => {
  const base = which === 'server' ? product.url : serviceUrl;
  const text = await (await fetch(`${base}/metrics`)).text();
  expect(text).toContain('# TYPE http_server_request_duration histogram');
  const lint = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect([lint.status, lint.stderr]).toEqual([0, '']);
});
