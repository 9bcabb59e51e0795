import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePort } from '../../../demo/server-process.ts';
import { toolPath } from '../../../scripts/tools.mjs';
import { readCompose } from '../../support/compose.ts';
import { waitFor } from '../../support/wait-for.ts';

const CONFIG = 'collector/config.yaml';
const folder = mkdtempSync(join(tmpdir(), 'perfscope-collector-'));
let collector = '';
let running: ChildProcess | undefined;
// Compiles the Collector if it isn't in the cache.
beforeAll(async () => {
  collector = await toolPath('collector');
}, 30 * 60_000);
afterAll(async () => {
  const ended = new Promise((done) => running?.once('exit', done));
  if (running?.exitCode === null && running.kill()) await ended;
  rmSync(folder, { recursive: true, force: true });
});

function validate(file: string, env: NodeJS.ProcessEnv = {}) {
  return spawnSync(collector, ['validate', `--config=${file}`], { encoding: 'utf8', env });
}

it('accepts the configuration with default settings and with the container environment', () => {
  expect(validate(CONFIG)).toMatchObject({ status: 0, stderr: '' });
  const { environment } = readCompose().services.collector!;
  expect(validate(CONFIG, { ...environment, HOST_ROOT: '/' })).toMatchObject({ status: 0 });
});

it('rejects an invalid configuration', () => {
  const broken = join(folder, 'broken.yaml');
  writeFileSync(broken, readFileSync(CONFIG, 'utf8').replace('check_interval', 'check_intervall'));
  const { status, stderr } = validate(broken);
  expect(status).not.toBe(0);
  expect(stderr).toContain('check_intervall');
});

it('exports OTLP metrics and host metrics to Prometheus', async () => {
  const names = ['OTLP_GRPC_PORT', 'OTLP_HTTP_PORT', 'PROMETHEUS_PORT', 'HEALTH_PORT'];
  const ports: Record<string, string> = {};
  for (const name of [...names, 'TELEMETRY_PORT']) ports[name] = String(await findFreePort());
  running = spawn(collector, [`--config=${CONFIG}`], { env: ports, stdio: 'ignore' });
  const urlOf = (name: string) => `http://127.0.0.1:${ports[name]}`;
  await waitFor(async () => (await fetch(urlOf('HEALTH_PORT'))).ok);

  const now = String(BigInt(Date.now()) * 1_000_000n);
  const point = { asInt: '42', startTimeUnixNano: now, timeUnixNano: now };
  const bookings = {
    name: 'hotel.bookings',
    sum: { dataPoints: [point], aggregationTemporality: 2, isMonotonic: true },
  };
  const attributes = [{ key: 'service.name', value: { stringValue: 'booking' } }];
  const sent = await fetch(`${urlOf('OTLP_HTTP_PORT')}/v1/metrics`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics: [bookings] }] }],
    }),
  });
  expect(sent.status).toBe(200);

  const text = await waitFor(async () => {
    const page = await (await fetch(`${urlOf('PROMETHEUS_PORT')}/metrics`)).text();
    return page.includes('system_cpu_time') && page.includes('hotel_bookings') && page;
  });
  expect(text).toMatch(/^hotel_bookings_total\{.*service_name="booking".*\} 42$/m);
  expect(text).toMatch(/^system_memory_usage_bytes\{/m);
  const lint = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect(lint.stderr).not.toMatch(/error/i);
  const telemetry = await (await fetch(`${urlOf('TELEMETRY_PORT')}/metrics`)).text();
  expect(telemetry).toContain('otelcol_receiver_accepted_metric_points');
});
