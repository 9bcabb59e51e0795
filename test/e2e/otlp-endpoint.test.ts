import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DASHBOARD_QUERIES, expandDashboardQuery } from '../support/check-dashboards.ts';
import { createKey } from '../support/create-key.ts';
import { expectRows } from '../support/expect-rows.ts';
import { parsePrometheusText } from '../support/parse-prometheus-text.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import {
  createGauge,
  createHistogram,
  createSum,
  encodeMetrics,
  sendOtlp,
} from '../support/send-otlp.ts';
import { waitFor } from '../support/wait-for.ts';

const MIB = 2 ** 20;
const OK = { status: 200, body: '' };
const server = new PerfscopeServer();
/** A whole second, so that times are exact in every encoding. */
const startMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
const at = (second: number) => startMs + second * 1000;

beforeAll(() => server.start());
afterAll(() => server.remove());

/** Waits for the metrics of a service: the number of rows and the sum of their values. */
const expectTotals = (
  service: string,
  totals: readonly [name: string, rows: number, sum: number][],
) =>
  expectRows(
    () =>
      server.sql(
        `SELECT name, count(), sum(sum) FROM performance_metrics WHERE service = '${service}' ORDER BY name`,
      ),
    totals as unknown as unknown[][],
  );

describe('valid requests', () => {
  it('are stored in every encoding and compression, and once if they are repeated', async () => {
    const resource = { 'service.name': 'encodings' };
    const body = (name: string) =>
      encodeMetrics(resource, createSum(name, [{ value: 3, timeMs: at(1) }]));
    const send = async (name: string, coding: string, compress: (data: Buffer) => Buffer) => {
      for (let i = 0; i < 2; i++) {
        const headers = { 'content-encoding': coding };
        expect(await sendOtlp(server.url, compress(body(name)), { headers })).toMatchObject(OK);
      }
    };
    await send('plain', 'identity', (data) => data);
    await send('gzip', 'gzip', gzipSync);
    await send('deflate', 'deflate', deflateSync);
    await send('zstd', 'zstd', zstdCompressSync);
    const attributes = [{ key: 'service.name', value: { stringValue: 'encodings' } }];
    const point = {
      asInt: '3',
      startTimeUnixNano: `${at(0)}000000`,
      timeUnixNano: `${at(1)}000000`,
    };
    const sum = { aggregationTemporality: 1, isMonotonic: true, dataPoints: [point] };
    const scopeMetrics = [{ metrics: [{ name: 'json', sum }] }];
    const json = { resourceMetrics: [{ resource: { attributes }, scopeMetrics }] };
    expect(await sendOtlp(server.url, json)).toMatchObject({ status: 200, body: {} });
    expect(await sendOtlp(server.url, json)).toMatchObject({ status: 200, body: {} });
    await expectTotals('encodings', [
      ['deflate', 1, 3],
      ['gzip', 1, 3],
      ['json', 1, 3],
      ['plain', 1, 3],
      ['zstd', 1, 3],
    ]);
  });

  it('convert cumulative series with repeated, reordered, and reset points, also after SIGKILL', async () => {
    const resource = { 'service.name': 'cumulative' };
    const send = (value: number, second: number, startSecond = 0) => {
      const point = { value, timeMs: at(second), startTimeMs: at(startSecond) };
      const histogram = { ...point, count: value, sum: value / 2, bucketCounts: [value, 0, 0] };
      return sendOtlp(
        server.url,
        encodeMetrics(
          resource,
          createSum('orders', [point], 'cumulative'),
          createHistogram('waits', [histogram], 'cumulative'),
        ),
      );
    };
    expect(await send(4, 10)).toMatchObject(OK);
    expect(await send(4, 10)).toMatchObject(OK);
    expect(await send(10, 20)).toMatchObject(OK);
    expect(await send(15, 40)).toMatchObject(OK);
    // This point is late, and its increase is already stored.
    expect(await send(12, 30)).toMatchObject({
      status: 200,
      body: expect.stringContaining('superseded'),
    });
    await server.stop('SIGKILL');
    await server.start();
    // Until the server has read the state of the series, senders must retry.
    await waitFor(async () => (await sendOtlp(server.url, Buffer.alloc(0))).status === 200);
    expect(await send(15, 40)).toMatchObject(OK);
    expect(await send(21, 45)).toMatchObject(OK);
    // The sender has started again.
    expect(await send(2, 50, 46)).toMatchObject(OK);
    expect(await send(2, 50, 46)).toMatchObject(OK);
    // Deltas: 4, 6, 5, 6, and 2.
    await expectTotals('cumulative', [
      ['orders', 5, 23],
      ['waits', 5, 11_500],
    ]);
    const buckets = await waitFor(async () => {
      const rows = await server.sql(
        `SELECT sum(count) FROM metric_buckets WHERE service = 'cumulative' AND name = 'waits'`,
      );
      return Number(rows[0]?.[0]) >= 23 && rows;
    });
    expect(buckets).toEqual([[23]]);
  });

  it('are accepted while QuestDB is down, and stored later', async () => {
    process.kill(server.questdbPid, 'SIGKILL');
    const body = encodeMetrics(
      { 'service.name': 'outage' },
      createSum('orders', [{ value: 3, timeMs: at(1) }]),
    );
    expect(await sendOtlp(server.url, body)).toMatchObject(OK);
    await expectTotals('outage', [['orders', 1, 3]]);
  });

  it('can be the examples of the specification, whose points are older than the retention', async () => {
    const read = (name: string) =>
      JSON.parse(readFileSync(`test/support/otlp-examples/${name}.json`, 'utf8')) as object;
    const metrics = await sendOtlp(server.url, read('metrics'));
    expect(metrics).toMatchObject({
      status: 200,
      body: {
        partialSuccess: {
          rejectedDataPoints: '4',
          errorMessage: expect.stringContaining('4 too_old'),
        },
      },
    });
    const traces = await sendOtlp(server.url, read('trace'), { path: '/v1/traces' });
    expect(traces).toMatchObject({
      status: 200,
      body: {
        partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringContaining('1 too_old') },
      },
    });
  });
});

describe('bad input', () => {
  it('is rejected by point, and counted in the response and in the metrics of the server', async () => {
    const valid = { value: 1, timeMs: at(1) };
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`a${i}`, i]));
    const body = encodeMetrics(
      { 'service.name': 'invalid' },
      createSum('good', [valid]),
      createSum('zero', [{ value: 1, timeMs: 0, startTimeMs: 0 }]),
      createSum('future', [{ value: 1, timeMs: Date.UTC(2100, 0), startTimeMs: at(0) }]),
      createSum('old', [{ value: 1, timeMs: Date.UTC(2018, 0) }]),
      createGauge('nan', [{ value: Number.NaN, timeMs: at(1) }, valid]),
      createGauge('infinite', [{ value: Number.POSITIVE_INFINITY, timeMs: at(1) }]),
      createGauge('attributes', [
        { ...valid, attributes: many },
        { ...valid, value: 2 },
      ]),
      createSum('negative', [{ value: -1, timeMs: at(1) }]),
      createSum('unspecified', [valid], 'unspecified'),
      createHistogram('bounds', [{ timeMs: at(1), bounds: [1, 1] }]),
      createHistogram('counts', [{ timeMs: at(1), bucketCounts: [1, 1] }]),
      createHistogram('sum', [{ timeMs: at(1), count: 5 }]),
      // These names have the same form in Prometheus.
      createGauge('a.b', [valid]),
      createGauge('a_b', [{ ...valid, value: 2 }]),
      createSum('mixed', [valid]),
      createSum('mixed', [{ value: 9, timeMs: at(2), startTimeMs: at(1) }], 'cumulative'),
    );
    const { status, body: message } = await sendOtlp(server.url, body);
    expect(status).toBe(200);
    const reasons = [...String(message).matchAll(/(\d+) ([a-z]+_[a-z_]+)/g)].map(
      ([, count, reason]) => [reason, Number(count)],
    );
    expect(Object.fromEntries(reasons)).toMatchObject({
      too_old: 1,
      future_timestamp: 1,
      not_finite: 2,
      too_many_attributes: 1,
    });
    expect(reasons.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(11);
    await expectTotals('invalid', [
      ['a.b', 1, 1],
      ['a_b', 1, 2],
      ['attributes', 1, 2],
      ['good', 1, 1],
      ['mixed', 2, 10],
      ['nan', 1, 1],
    ]);
    const invalid = ['too_old', 'future_timestamp', 'not_finite', 'too_many_attributes'];
    const metrics = parsePrometheusText(await (await fetch(`${server.url}/metrics`)).text());
    const { samples } = metrics.get('perfscope_otlp_points_total')!;
    expect(samples.map(({ labels }) => labels.perfscope_otlp_reason)).toEqual(
      expect.arrayContaining(invalid),
    );
    const [kept] = metrics.get('perfscope_otlp_series_kept')!.samples;
    expect(kept!.value).toBeGreaterThan(0);
    const panel = DASHBOARD_QUERIES.find(({ name }) => /: Rejected OTLP/.test(name))!;
    await waitFor(async () => {
      const view = { fromMs: at(0), toMs: Date.now() };
      const rows = await server.sql(expandDashboardQuery(panel, view));
      const names = new Set(rows.map(([, name]) => name));
      return invalid.every((reason) => names.has(reason));
    });
  });

  it('needs little memory: compression bombs, 200 MB bodies, and many large requests', async () => {
    const bombs = [
      ['gzip', gzipSync(Buffer.alloc(300 * MIB))],
      ['zstd', zstdCompressSync(Buffer.alloc(300 * MIB))],
    ] as const;
    const send = async () => {
      for (const [coding, bomb] of bombs) {
        const headers = { 'content-encoding': coding };
        expect(await sendOtlp(server.url, bomb, { headers })).toMatchObject({ status: 413 });
      }
      expect(await sendLargeBody(200 * MIB)).toBe(413);
    };
    await send();
    const before = readMemoryMib('VmRSS');
    // Resets the peak to the current value.
    writeFileSync(`/proc/${server.child!.pid}/clear_refs`, '5');
    const statuses = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const headers = { 'content-encoding': 'gzip' };
        return (await sendOtlp(server.url, bombs[0][1], { headers })).status;
      }),
    );
    await send();
    expect(new Set(statuses)).toEqual(new Set([413, 429]));
    // The budget of 36 MiB for one sender, as much again that isn't collected yet, and the decompressors. Without the
    // budget, the twelve bodies alone take 384 MiB.
    expect(readMemoryMib('VmHWM') - before).toBeLessThan(128);
  });
});

/** Sends a body without a length in its header. Returns the status. */
function sendLargeBody(bytes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-protobuf', 'transfer-encoding': 'chunked' };
    const sent = request(`${server.url}/v1/metrics`, { method: 'POST', headers }, (response) => {
      resolve(response.statusCode!);
      sent.destroy();
    });
    sent.on('error', reject);
    const chunk = Buffer.alloc(MIB);
    let rest = bytes;
    const write = () => {
      while (rest > 0 && !sent.destroyed) {
        rest -= chunk.length;
        if (!sent.write(chunk)) return void sent.once('drain', write);
      }
      sent.end();
    };
    write();
  });
}

/** Reads a field of the memory statistics in MiB, such as the peak `VmHWM`. */
function readMemoryMib(field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${server.child!.pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)![1]) / 1024;
}

describe('senders with wrong settings', () => {
  it('get the right path, without a key', async () => {
    const headers = { 'content-type': 'application/x-protobuf' };
    const response = await fetch(server.url, { method: 'POST', headers, body: 'x' });
    expect(response.status).toBe(404);
    expect(await response.text()).toContain(
      `Set OTEL_EXPORTER_OTLP_ENDPOINT to ${server.url}, without a path.`,
    );
  });

  it('are logged if they use gRPC', async () => {
    const session = connectHttp2(server.url).on('error', () => {});
    await waitFor(async () => session.destroyed);
    const message = 'A client at 127.0.0.1 sends gRPC (HTTP/2), so its data is lost.';
    await waitFor(async () => server.output.includes(message));
  });
});

describe('keys', () => {
  it('with an organization decide the tenant, and can not read', async () => {
    const admin = await createKey(server, 'ADMIN');
    const bound = await createKey(server, 'INGEST', 'anna');
    const free = await createKey(server, 'INGEST');
    const viewer = await createKey(server, 'VIEWER', 'anna');
    const tenants = { 'perfscope.organization.id': 'bert', 'perfscope.property.id': 'p1' };
    const body = (name: string, timeMs: number) =>
      encodeMetrics(
        { 'service.name': 'tenants', ...tenants },
        createSum(name, [{ value: 1, timeMs, attributes: tenants }]),
      );
    const authorize = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
    await waitFor(async () => (await sendOtlp(server.url, Buffer.alloc(0))).status === 401);
    const rejected = 'OTLP requests from 127.0.0.1 are rejected (401), so their data is lost.';
    await waitFor(async () => server.output.includes(rejected));
    expect(await sendOtlp(server.url, body('bound', at(1)), authorize(bound))).toMatchObject(OK);
    const header = { headers: { 'x-api-key': free } };
    expect(await sendOtlp(server.url, body('free', at(2)), header)).toMatchObject(OK);
    expect(await sendOtlp(server.url, body('viewer', at(3)), authorize(viewer))).toMatchObject({
      status: 403,
    });
    await expectRows(
      () =>
        server.sql(
          `SELECT name, organization_id, property_id FROM performance_metrics WHERE service = 'tenants' ORDER BY name`,
        ),
      [
        ['bound', 'anna', 'p1'],
        ['free', 'bert', 'p1'],
      ],
    );
    const dashboard = `${server.url}/api/performance/dashboard`;
    expect((await fetch(dashboard, authorize(bound))).status).toBe(403);
    expect((await fetch(dashboard, authorize(admin))).status).toBe(200);
  });
});
