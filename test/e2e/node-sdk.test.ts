import { spawnSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../demo/server-process.ts';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { MariadbServer } from '../support/mariadb-server.ts';
import { PackedInstall } from '../support/packed-install.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { PostgresAndRedis } from '../support/postgres-and-redis.ts';
import { runDoctor } from '../support/run-doctor.ts';
import {
  type ExpectedRow,
  type ExportedMetric,
  formatRows,
  round,
  toExpectedBuckets,
  toExpectedRows,
  toLastCounts,
} from '../support/sdk-rows.ts';

/** Packages of each SDK version that belong together. */
const VERSIONS = [
  {
    sdk: '2.x',
    packages: [
      ...['api@1.9.1', 'sdk-node@0.223.0', 'exporter-prometheus@0.223.0', 'host-metrics@0.39.0'],
      ...['instrumentation-http@0.223.0', 'instrumentation-express@0.71.1'],
      ...['instrumentation-fastify@0.57.0', 'instrumentation-pg@0.76.0'],
      ...['instrumentation-mysql2@0.69.0', 'instrumentation-ioredis@0.71.0'],
      ...['instrumentation-undici@0.33.0', 'instrumentation-runtime-node@0.36.1'],
    ],
  },
  {
    sdk: '3.x',
    packages: [
      ...['api@1.10.0', 'sdk-node@0.301.0', 'exporter-prometheus@0.301.0', 'host-metrics@0.39.0'],
      ...['instrumentation-http@0.301.0', 'instrumentation-express@0.72.0'],
      ...['instrumentation-fastify@0.57.0', 'instrumentation-pg@0.77.0'],
      ...['instrumentation-mysql2@0.70.0', 'instrumentation-ioredis@0.72.0'],
      ...['instrumentation-undici@0.34.0', 'instrumentation-runtime-node@0.37.0'],
    ],
  },
];
const LIBRARIES = ['express@5', 'fastify@5', 'ioredis@5', 'mysql2@3', 'pg@8', 'undici@7'];

const server = new PerfscopeServer();
const databases = new PostgresAndRedis();
const mariadb = new MariadbServer();
beforeAll(() => Promise.all([server.start(), databases.start(), mariadb.start()]));
afterAll(() => Promise.all([server.remove(), databases.remove(), mariadb.remove()]));

interface Exported {
  readonly metrics: readonly ExportedMetric[];
  readonly spans: readonly { readonly name: string; readonly kind: number }[];
}

function getEnv(): NodeJS.ProcessEnv {
  return { ...server.env, ...databases.env, MYSQL_URL: mariadb.url };
}

/** Runs the application, and returns everything that its SDK exported. */
async function run(cwd: string, type: string, env: NodeJS.ProcessEnv): Promise<Exported> {
  const flag = type === 'mjs' ? '--import' : '--require';
  const app = new InstrumentedApp(`node-sdk-app.${type}`, {
    cwd,
    flags: ['--no-deprecation', flag, `./node-sdk-telemetry.${type}`],
    env: { ...getEnv(), ...env },
  });
  expect([await app.exited, app.stderr]).toEqual([0, '']);
  return JSON.parse(app.stdout) as Exported;
}

/** Rows that are computed from the values of all CPUs or heap spaces. */
const COMPUTED = "(metric_type IN ('CPU_USAGE', 'HEAP_USAGE') AND tags = NULL)";
/** Rows from spans. The instrumentations of these databases record no metrics. */
const FROM_SPANS = "(tags LIKE '%mysql%' OR tags LIKE '%mariadb%' OR tags LIKE '%redis%')";

/** Returns the rows of a service that come from metrics. */
async function readRows(service: string): Promise<ExpectedRow[]> {
  const rows = await server.sql(`SELECT name, unit, endpoint, operation, tags, value, count, sum,
      min, max
    FROM performance_metrics
    WHERE service = '${service}' AND NOT ${COMPUTED} AND NOT ${FROM_SPANS}
      AND name NOT LIKE '%.sample'`);
  return rows.map(([name, unit, endpoint, operation, tags, ...values]) => ({
    name: name as string,
    unit: unit as string | null,
    endpoint: endpoint as string | null,
    operation: operation as string | null,
    tags: JSON.parse((tags as string | null) ?? '{}') as Record<string, unknown>,
    values: values as (number | null)[],
  }));
}

async function expectSameMetrics(service: string, { metrics }: Exported): Promise<void> {
  const toCells = (rows: readonly ExpectedRow[]) => formatRows(rows).map((row) => [row]);
  const expected = toCells(toExpectedRows(metrics));
  await expectRows(async () => toCells(await readRows(service)), expected);
}

/** The buckets of queries also contain spans. */
const QUERY_METRIC = 'db.client.operation.duration';

async function expectSameBuckets(service: string, { metrics }: Exported): Promise<void> {
  const sort = (rows: unknown[][]) => rows.map((row) => [JSON.stringify(row)]).toSorted();
  const read = async () => {
    const rows = await server.sql(`SELECT name, bucket_upper, sum(count) FROM metric_buckets
      WHERE service = '${service}' AND name != '${QUERY_METRIC}' GROUP BY name, bucket_upper`);
    return sort(rows.map(([name, upper, count]) => [name, round(upper as number), count]));
  };
  const expected = toExpectedBuckets(metrics).filter(([name]) => name !== QUERY_METRIC);
  await expectRows(read, sort(expected));
}

/** Expects one value for each query of the application, which are 6 per database. */
async function expectQueriesFromSpans(service: string): Promise<void> {
  const query = `SELECT operation, sum(count) FROM performance_metrics
    WHERE service = '${service}' AND metric_type = 'DATABASE_QUERY_TIME' AND ${FROM_SPANS}
    ORDER BY operation`;
  const expected = [
    ['SELECT', 6],
    ['set', 6],
  ];
  await expectRows(() => server.sql(query), expected);
}

describe.each(VERSIONS)('with SDK $sdk', ({ sdk, packages }) => {
  const install = new PackedInstall('@perfscope/agent');
  beforeAll(() =>
    install.install(...packages.map((name) => `@opentelemetry/${name}`), ...LIBRARIES),
  );
  afterAll(() => install.remove());

  it('accepts the types of the components', () => {
    cpSync('test/apps/node-sdk-types.ts', join(install.folder, 'types.mts'));
    cpSync('test/apps/node-sdk-types.ts', join(install.folder, 'types.cts'));
    const compilerOptions = { module: 'nodenext', target: 'es2022', strict: true, noEmit: true };
    const strictness = { exactOptionalPropertyTypes: true, skipLibCheck: true, types: [] };
    const files = ['types.mts', 'types.cts'];
    const config = { compilerOptions: { ...compilerOptions, ...strictness }, files };
    writeFileSync(join(install.folder, 'tsconfig.json'), JSON.stringify(config));
    const compiler = resolve('node_modules/typescript/bin/tsc');
    const options = { cwd: install.folder, encoding: 'utf8' } as const;
    expect(spawnSync(process.execPath, [compiler, '-p', '.'], options).stdout).toBe('');
  });

  it.each(['cjs', 'mjs'])('stores what the SDK of a .%s application exports', async (type) => {
    const service = `sdk-${sdk}-${type}`;
    const exported = await run(install.folder, type, { OTEL_SERVICE_NAME: service });
    await expectSameMetrics(service, exported);
    await expectSameBuckets(service, exported);
    await expectQueriesFromSpans(service);
  });

  it('converts the cumulative histograms of a reader', async () => {
    const service = `sdk-${sdk}-cumulative`;
    const modes = { TEMPORALITY: 'cumulative', AGGREGATION: 'default' };
    const exported = await run(install.folder, 'cjs', { OTEL_SERVICE_NAME: service, ...modes });
    const query = `SELECT name, sum(count) FROM performance_metrics
      WHERE service = '${service}' AND count > 0 AND NOT ${FROM_SPANS} ORDER BY name`;
    await expectRows(() => server.sql(query), toLastCounts(exported.metrics));
  });

  it('stores everything once if the application also has the agent', async () => {
    const service = `sdk-${sdk}-agent`;
    const app = new InstrumentedApp('node-sdk-app.cjs', {
      cwd: install.folder,
      flags: ['--require', install.register, '--require', './node-sdk-telemetry.cjs'],
      env: { ...getEnv(), OTEL_SERVICE_NAME: service },
    });
    expect(await app.exited).toBe(0);
    expect(app.stderr.match(/^perfscope: .*do nothing in this process.*\n/gm)).toHaveLength(1);
    const query = `SELECT name, sum(count) FROM performance_metrics
      WHERE service = '${service}' AND name IN ('price', 'http.server.request.duration')
      ORDER BY name`;
    const expected = [
      ['http.server.request.duration', 13],
      ['price', 6],
    ];
    await expectRows(() => server.sql(query), expected);
  });

  it('runs the example, whose Prometheus buckets do not change', async () => {
    const service = `sdk-${sdk}-example`;
    const cwd = join(install.folder, 'example');
    cpSync('examples/node-sdk', cwd, { recursive: true });
    const prometheusPort = String(await findFreePort());
    const app = new InstrumentedApp('server.js', {
      cwd,
      flags: ['--require', './telemetry.js'],
      env: {
        ...getEnv(),
        ...{ OTEL_SERVICE_NAME: service, PORT: '0', PROMETHEUS_PORT: prometheusPort },
      },
    });
    const url = await app.url();
    await fetch(`${url}/rooms/7`);
    for (const room of [7, 8, 13]) await fetch(`${url}/rooms/${room}/bookings`, { method: 'POST' });
    const metrics = await (await fetch(`http://127.0.0.1:${prometheusPort}/metrics`)).text();
    expect(metrics).toMatch(/^http_server_\w*duration\w*_bucket\{.*le="0\.005"\} \d+$/m);
    expect([await app.stop(), app.stderr]).toEqual([0, '']);
    // The request for the metrics isn't measured.
    const query = `SELECT endpoint, sum(count), sum(error_count) FROM performance_metrics
      WHERE service = '${service}' AND metric_type = 'API_RESPONSE_TIME'
      ORDER BY endpoint`;
    const expected = [
      ['/rooms/:id', 1, 0],
      ['/rooms/:id/bookings', 3, 1],
    ];
    await expectRows(() => server.sql(query), expected);
    const bookings = `SELECT sum(value) FROM performance_metrics
      WHERE service = '${service}' AND name = 'bookings'`;
    await expectRows(() => server.sql(bookings), [[2]]);
    const health = `SELECT count() > 0 FROM system_health
      WHERE service = '${service}' AND cpu_usage > 0 AND memory_usage > 0`;
    await expectRows(() => server.sql(health), [[true]]);
    const NODE_OPTIONS = '--require ./telemetry.js';
    const appEnv = { NODE_OPTIONS, PORT: '0', PROMETHEUS_PORT: prometheusPort };
    const lines = await runDoctor(['server.js'], { cwd, env: appEnv });
    expect(lines.filter((line) => /^[✓✗]/.test(line))).toEqual([
      expect.stringMatching(/^✓ express 5\.\S+$/),
    ]);
  });
});

describe('with SDK 1.x', () => {
  const install = new PackedInstall('@perfscope/agent');
  const packages = ['api@1.9.1', 'sdk-metrics@1.30.1', 'sdk-trace-base@1.30.1'];
  beforeAll(() => install.install(...packages.map((name) => `@opentelemetry/${name}`)));
  afterAll(() => install.remove());

  it('records nothing, logs one warning, and leaves the application as it is', async () => {
    const app = new InstrumentedApp('node-sdk-1.cjs', {
      cwd: install.folder,
      flags: [],
      env: { ...server.env, OTEL_SERVICE_NAME: 'sdk-1' },
    });
    expect(await app.exited).toBe(0);
    expect(app.stdout).toBe(
      'viewed,orders,open,price,level,observableCounter,observableUpDownCounter,observableGauge\n',
    );
    expect(app.stderr).toMatch(
      /^perfscope: .*need OpenTelemetry SDK 2.x.*nothing is recorded.*\n$/,
    );
  });
});
