// A service sends its metrics through a Collector on its host and a gateway to the server. The server and the gateway
// are killed, and every point must be stored exactly once.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { findFreePort } from '../../demo/server-process.ts';
import { CollectorProcess } from '../support/collector-process.ts';
import { OtelService, type RecordedPoint } from '../support/otel-service.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { toPointKey, toRowKey } from '../support/recorded-points.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

const SERVICE = 'shop';
const EXPORT_INTERVAL_MS = 250;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

class Pipeline {
  readonly folder = mkdtempSync(join(tmpdir(), 'perfscope-outage-'));
  readonly server = new PerfscopeServer();
  gateway!: CollectorProcess;
  agent!: CollectorProcess;
  service!: OtelService;

  async start(): Promise<void> {
    const { server, folder } = this;
    cleanups.push(async () => rmSync(folder, { recursive: true, force: true }));
    server.env.PORT = String(await findFreePort());
    cleanups.push(() => server.remove());
    await server.start();
    const key = join(folder, 'key');
    const args = ['keys', 'create', '--role', 'INGEST', '--name', 'gateway', '--output', key];
    expect(await runPerfscope(args, server.env)).toMatchObject({ status: 0 });

    // The same as in production, but with shorter delays.
    const fast = join(folder, 'fast.yaml');
    const exporter = {
      retry_on_failure: { initial_interval: '100ms', max_interval: '500ms' },
      sending_queue: { batch: { flush_timeout: '50ms' } },
    };
    writeFileSync(fast, JSON.stringify({ exporters: { otlp_http: exporter } }));
    const start = async (file: string, env: Record<string, string>) => {
      const options = { files: [file, fast], queueDir: join(folder, file), env };
      const collector = await CollectorProcess.start(options);
      cleanups.push(() => collector.stop());
      return collector;
    };
    this.gateway = await start('gateway.yaml', {
      PERFSCOPE_URL: server.url,
      PERFSCOPE_KEY_FILE: key,
    });
    this.agent = await start('agent.yaml', { PERFSCOPE_URL: this.gateway.url() });
    this.service = await OtelService.start({
      language: 'Node.js',
      name: SERVICE,
      endpoint: this.agent.url(),
      env: { OTEL_METRIC_EXPORT_INTERVAL: String(EXPORT_INTERVAL_MS) },
    });
    cleanups.push(() => this.service.remove());
  }

  countExports = () => this.service.exported.filter(({ name }) => name === 'cart.items').length;

  /** Sends requests until `condition` holds. Each export contains new values. */
  async sendRequestsUntil(condition: () => Promise<boolean>): Promise<void> {
    let number = 0;
    await waitFor(async () => {
      number = (number % 900) + 1;
      return (await this.service.request(`/orders/${number}`)) === 200 && condition();
    });
  }

  /** Sends requests during `count` exports. */
  async sendRequestsFor(count: number): Promise<void> {
    const end = this.countExports() + count;
    await this.sendRequestsUntil(async () => this.countExports() >= end);
  }

  /** Returns the stored rows of each series, in ascending order of their times. */
  async readSeries(): Promise<Map<string, StoredRow[]>> {
    const rows = await this.server.sql(
      `SELECT name, endpoint, operation, tags, timestamp, value, count, sum FROM performance_metrics
       WHERE service = '${SERVICE}' AND metric_type = 'CUSTOM' ORDER BY timestamp`,
    );
    const series = new Map<string, StoredRow[]>();
    for (const [name, endpoint, operation, tags, timestamp, value, count, sum] of rows) {
      const key = toRowKey(name, endpoint, operation, tags);
      const timeMs = Date.parse(String(timestamp));
      const row = { timeMs, value: Number(value), count: Number(count), sum: Number(sum) };
      series.set(key, [...(series.get(key) ?? []), row]);
    }
    return series;
  }
}

interface StoredRow {
  readonly timeMs: number;
  readonly value: number;
  readonly count: number;
  readonly sum: number;
}

/** Compares a number with a sum of many numbers. */
const round = (value: number) => Number(value.toPrecision(9));

/**
 * Checks the rows of one series, up to the last point. The sum of the rows up to each time must be the cumulative value
 * at this time. A gauge must have a row for each point.
 */
function checkSeries(points: readonly RecordedPoint[], rows: readonly StoredRow[]): void {
  const [{ kind = 'Sum', name = '' } = {}] = points;
  const isGauge = kind === 'Gauge' || name === 'cart.items';
  const byTime = new Map(points.map((point) => [point.timeMs!, point]));
  let [value, count] = [0, 0];
  const expected: unknown[] = [];
  const found: unknown[] = [];
  for (const row of rows) {
    const point = byTime.get(row.timeMs);
    const isNumber = point?.value !== undefined;
    value = isGauge ? row.value : value + (isNumber ? row.value : row.sum);
    if (!isNumber) count += row.count;
    found.push([row.timeMs, round(value), count]);
    expected.push([row.timeMs, round(point?.value ?? point?.sum ?? 0), point?.count ?? 0]);
  }
  expect([name, found]).toEqual([name, expected]);
  expect(rows.at(-1)?.timeMs).toBe(points.at(-1)?.timeMs);
  if (isGauge) expect(rows).toHaveLength(points.length);
}

/** Waits until the points that were exported so far are stored, and checks their rows. Returns the numbers of both. */
async function checkRows(pipeline: Pipeline): Promise<{ points: number; rows: number }> {
  const points = new Map<string, RecordedPoint[]>();
  for (const point of pipeline.service.exported) {
    const key = toPointKey(point);
    const earlier = points.get(key) ?? [];
    // A histogram without new values has no row.
    const isEmpty = point.count !== undefined && point.count === (earlier.at(-1)?.count ?? 0);
    points.set(key, isEmpty ? earlier : [...earlier, point]);
  }
  const series = await waitFor(async () => {
    const found = await pipeline.readSeries();
    for (const [key, each] of points) {
      const rows = found.get(key) ?? [];
      const last = rows.findLastIndex(({ timeMs }) => timeMs <= each.at(-1)!.timeMs!);
      if (rows[last]?.timeMs !== each.at(-1)?.timeMs) return false;
      found.set(key, rows.slice(0, last + 1));
    }
    return found;
  });
  expect([...series.keys()].sort()).toEqual([...points.keys()].sort());
  for (const [key, each] of points) checkSeries(each, series.get(key) ?? []);
  const countAll = (lists: Iterable<readonly unknown[]>) => [...lists].flat().length;
  return { points: countAll(points.values()), rows: countAll(series.values()) };
}

/** Kills the server while requests are measured, and starts it again after `outageMs`. */
async function killServer(pipeline: Pipeline, outageMs: number): Promise<void> {
  const { server, gateway } = pipeline;
  await pipeline.sendRequestsFor(2);
  await server.stop('SIGKILL');
  const end = Date.now() + outageMs;
  await pipeline.sendRequestsUntil(async () => {
    const waiting = await gateway.readOwnMetric('otelcol_exporter_queue_size');
    return Date.now() >= end && waiting > 0;
  });
  await server.start();
  await pipeline.sendRequestsFor(2);
}

it('stores each point once if the server and the gateway are killed', async () => {
  const pipeline = new Pipeline();
  await pipeline.start();
  await killServer(pipeline, 4 * EXPORT_INTERVAL_MS);
  const { points, rows } = await checkRows(pipeline);
  expect(rows).toBe(points);

  const { server, gateway } = pipeline;
  await gateway.stop('SIGKILL');
  await pipeline.sendRequestsFor(2);
  await gateway.restart();
  await server.stop('SIGKILL');
  await pipeline.sendRequestsFor(2);
  // Now the gateway's data is only on its disk.
  await gateway.stop('SIGKILL');
  await gateway.restart();
  await server.start();
  await pipeline.sendRequestsFor(2);
  await pipeline.service.stop();
  // The request that the gateway was sending arrives last, so the next row contains its increase.
  await checkRows(pipeline);
});

// Long: in CI, the test above covers a shorter outage.
it('stores each point once if the server is killed for 30 s', { tags: 'long' }, async () => {
  const pipeline = new Pipeline();
  await pipeline.start();
  await killServer(pipeline, 30_000);
  await pipeline.service.stop();
  const { points, rows } = await checkRows(pipeline);
  expect(rows).toBe(points);
});
