// A service without access to QuestDB sends its metrics through the real Collector to the server.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CollectorProcess } from '../support/collector-process.ts';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { parsePrometheusText } from '../support/parse-prometheus-text.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { waitFor } from '../support/wait-for.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-otlp-export-'));
const server = new PerfscopeServer();
let collector: CollectorProcess;

beforeAll(async () => {
  await server.start();
  // The same as in production, but with a shorter delay.
  const fast = join(folder, 'fast.yaml');
  const exporter = { sending_queue: { batch: { flush_timeout: '50ms' } } };
  writeFileSync(fast, JSON.stringify({ exporters: { otlp_http: exporter } }));
  collector = await CollectorProcess.start({
    files: ['agent.yaml', fast],
    queueDir: join(folder, 'queue'),
    env: { PERFSCOPE_URL: server.url },
  });
});
afterAll(async () => {
  await collector?.stop();
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
});

it.each(['cumulative', 'delta'])(
  'stores what a service sends with %s temporality, including the last interval',
  async (temporality) => {
    const service = `shop-${temporality}`;
    const app = new InstrumentedApp('test/apps/otlp-export.cjs', {
      env: {
        PATH: process.env.PATH,
        // The service does not find the server.
        HOME: folder,
        XDG_RUNTIME_DIR: folder,
        PERFORMANCE_DATA_DIR: join(folder, 'data'),
        PERFORMANCE_ORGANIZATION_HEADER: 'x-organization',
        PERFORMANCE_EXIT_TIMEOUT: '10000',
        OTEL_SERVICE_NAME: service,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url(),
        OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: temporality,
        OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION:
          'base2_exponential_bucket_histogram',
        OTEL_METRIC_EXPORT_INTERVAL: '200',
      },
    });
    const url = await app.url();
    const headers = { 'x-organization': 'acme' };
    for (let i = 0; i < 20; i++) await fetch(`${url}/${i % 4 === 0 ? 'fail' : 'ok'}`, { headers });
    app.child.kill('SIGTERM');
    expect(await app.exited).toBe('SIGTERM');
    expect(app.stderr).toBe('');

    const filter = `FROM performance_metrics WHERE service = '${service}'`;
    await expectRows(
      () =>
        server.sql(
          `SELECT name, metric_type, organization_id, sum(count), sum(error_count), sum(count_2xx), sum(count_5xx)
           ${filter} AND name = 'http.server.request.duration' ORDER BY name`,
        ),
      [['http.server.request.duration', 'API_RESPONSE_TIME', 'acme', 20, 5, 15, 5]],
    );
    await expectRows(
      () =>
        server.sql(
          `SELECT name, unit, sum(sum) ${filter} AND name IN ('orders', 'basket') ORDER BY name`,
        ),
      [
        ['basket', '{item}', 800],
        ['orders', '{order}', 40],
      ],
    );
    const buckets = `SELECT sum(count), sum(error_count) FROM metric_buckets WHERE service = '${service}'`;
    await expectRows(
      () => server.sql(`${buckets} AND name = 'http.server.request.duration'`),
      [[20, 5]],
    );
    expect(existsSync(join(folder, 'data'))).toBe(false);
  },
);

/** Returns the number of points that the server ignored, because agents also wrote rows. */
async function countStoredDirectly(): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const samples = parsePrometheusText(text).get('perfscope_otlp_points_total')?.samples ?? [];
  const isStoredDirectly = ({ labels }: (typeof samples)[number]) =>
    labels.perfscope_otlp_reason === 'stored_directly';
  return samples.filter(isStoredDirectly).reduce((sum, { value }) => sum + value, 0);
}

it.each(['directly', 'through a Collector'])(
  'counts requests once if the agent also writes rows to the server, and sends OTLP %s',
  async (way) => {
    const service = `both-${way.length}`;
    const before = await countStoredDirectly();
    const app = new InstrumentedApp('test/apps/otlp-export.cjs', {
      env: {
        ...server.env,
        PERFORMANCE_EXIT_TIMEOUT: '10000',
        OTEL_SERVICE_NAME: service,
        OTEL_EXPORTER_OTLP_ENDPOINT: way === 'directly' ? server.url : collector.url(),
        OTEL_METRIC_EXPORT_INTERVAL: '200',
      },
    });
    const url = await app.url();
    for (let i = 0; i < 20; i++) await fetch(`${url}/ok`);
    app.child.kill('SIGTERM');
    expect(await app.exited).toBe('SIGTERM');
    expect(app.stderr).toBe('');

    await waitFor(async () => (await countStoredDirectly()) > before, 60_000);
    await expectRows(
      () =>
        server.sql(
          `SELECT name, sum(count) FROM performance_metrics WHERE service = '${service}'
           AND name = 'http.server.request.duration' ORDER BY name`,
        ),
      [['http.server.request.duration', 20]],
    );
  },
);
