import { beforeEach, expect, it } from 'vitest';
import { encodeMetricsRequest } from '../../../../src/core/otel/encode/otlp-encoder.ts';
import { encodeMetricsRequestJson } from '../../../../src/core/otel/encode/otlp-json-encoder.ts';
import type { OtelResourceMetrics } from '../../../../src/core/otel/metric-data.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';
import { createError } from '../../../../src/core/perfscope-error.ts';
import type { AnyRow } from '../../../../src/core/schema/table-definition.ts';
import type { OtlpRequest } from '../../../../src/server/otlp/otlp-router.ts';
import {
  type ConvertContext,
  OtlpService,
  type OtlpServiceOptions,
} from '../../../../src/server/otlp/otlp-service.ts';
import type { ExportOutcome } from '../../../../src/server/otlp/partial-success.ts';
import type { DurableRows } from '../../../../src/storage/write/durable-rows.ts';

const NOW = 1_700_000_000_000;

let series: CumulativeSeries;
let records: DurableRows[];
let outcomes: ExportOutcome[];
let addDurably: OtlpServiceOptions['addDurably'];

/** Stores the deltas of cumulative sums as rows. Negative values are rejected. */
const convertMetrics: OtlpServiceOptions['convertMetrics'] = (
  resources: readonly OtelResourceMetrics[],
  { transaction }: ConvertContext,
) => {
  const rows: AnyRow[] = [];
  const counts = { rejected: 0, ignored: 0 };
  for (const { scopes } of resources) {
    for (const { metrics } of scopes) {
      for (const metric of metrics) {
        for (const point of metric.kind === 'sum' ? metric.points : []) {
          const converted = transaction.convertNumber(metric.name, point);
          if (point.value < 0) counts.rejected++;
          else if (converted.kind === 'ignored') counts.ignored++;
          else
            rows.push({ timestamp: point.timeMs, id: metric.name, value: converted.point.value });
        }
      }
    }
  }
  return {
    tables: new Map([['performance_metrics', rows]]),
    rejected: new Map(counts.rejected > 0 ? [['negative', counts.rejected]] : []),
    ignored: new Map(counts.ignored > 0 ? [['superseded', counts.ignored]] : []),
  };
};

function createService(options: Partial<OtlpServiceOptions> = {}): OtlpService {
  return new OtlpService({
    series,
    convertMetrics,
    convertSpans: () => {
      throw new Error('no spans');
    },
    addDurably: (record) => addDurably(record),
    getUnavailableReason: () => undefined,
    countItems: (_signal, outcome) => void outcomes.push(outcome),
    now: () => NOW,
    ...options,
  });
}

function createMetrics(values: readonly number[], minute: number): OtelResourceMetrics[] {
  const timeMs = NOW + minute * 60_000;
  const points = values.map((value) => ({ attributes: {}, startTimeMs: NOW, timeMs, value }));
  const metric = { unit: '1', kind: 'sum', temporality: 'cumulative', isMonotonic: true } as const;
  const metrics = points.map((point, i) => ({ ...metric, name: `m${i}`, points: [point] }));
  return [{ resource: {}, scopes: [{ scope: { name: '' }, metrics }] }];
}

function createRequest(values: readonly number[], minute = 1): OtlpRequest {
  const body = encodeMetricsRequest(createMetrics(values, minute));
  const common = { signal: 'metrics', encoding: 'protobuf', organizationId: undefined } as const;
  return { ...common, body, isAborted: () => false };
}

const listValues = () =>
  records.map(({ tables }) => tables.get('performance_metrics')?.map(({ value }) => value));

beforeEach(() => {
  series = new CumulativeSeries({ sinceMs: NOW });
  records = [];
  outcomes = [];
  addDurably = async (record) => void records.push(record);
});

it('rows and the states of their series are in one record', async () => {
  const service = createService();
  expect(await service.store(createRequest([5]))).toBeUndefined();
  await service.store(createRequest([12], 2));
  expect(listValues()).toEqual([[5], [7]]);
  expect(records.every(({ state }) => state !== undefined)).toBe(true);
  expect(outcomes.map(({ stored }) => stored)).toEqual([1, 1]);
});

it('a request that was not stored has no effect, so the repeated request is stored', async () => {
  const service = createService();
  await service.store(createRequest([5]));
  addDurably = async () => {
    throw createError('PS_SPOOL_FULL', { limit: '1 GB' });
  };
  await expect(service.store(createRequest([12], 2))).rejects.toMatchObject({
    code: 'PS_OTLP_NOT_STORED',
    params: { seconds: 5, reason: 'the spool of the server is full' },
  });
  addDurably = async (record) => void records.push(record);
  await service.store(createRequest([12], 2));
  await service.store(createRequest([12], 2));
  expect(listValues()).toEqual([[5], [7], [7]]);
});

it('requests are stored one after the other', async () => {
  let running = 0;
  let maximum = 0;
  addDurably = async (record) => {
    maximum = Math.max(maximum, ++running);
    await new Promise(setImmediate);
    running--;
    records.push(record);
  };
  const service = createService();
  await Promise.all([1, 2, 3, 4].map((minute) => service.store(createRequest([minute], minute))));
  expect(maximum).toBe(1);
  expect(listValues()).toEqual([[1], [1], [1], [1]]);
});

it('the response and the metrics contain the number of rejected points and the reasons', async () => {
  const service = createService();
  expect(await service.store(createRequest([1, -1, -2]))).toEqual({
    rejected: 2,
    message: 'Rejected points: 2 negative.',
  });
  await service.store(createRequest([9], 3));
  expect(await service.store(createRequest([5], 2))).toEqual({
    rejected: 0,
    message: expect.stringContaining(
      '1 superseded (a later value of the series was already stored',
    ),
  });
  expect(outcomes[0]).toEqual({
    stored: 1,
    rejected: new Map([['negative', 2]]),
    ignored: new Map(),
    shortenedTexts: 0,
  });
});

it('a malformed request is rejected with its position, and nothing of it is stored', async () => {
  const service = createService();
  const request = createRequest([1]);
  const truncated = { ...request, body: request.body.subarray(0, request.body.length - 2) };
  await expect(service.store(truncated)).rejects.toMatchObject({
    code: 'PS_OTLP_INVALID',
    params: { position: expect.stringMatching(/^byte \d+$/) },
  });
  const json = { ...request, encoding: 'json', body: Buffer.from('{"resourceMetrics":[') } as const;
  await expect(service.store(json)).rejects.toMatchObject({ code: 'PS_OTLP_INVALID' });
  expect(records).toEqual([]);
  expect(series.isOpen).toBe(false);
});

it('a large request is stored in parts, or not at all if one part is malformed', async () => {
  const values = Array.from({ length: 100_000 }, (_, i) => i);
  const request = createRequest(values);
  const service = createService();
  expect(await service.store(request)).toBeUndefined();
  expect(records.length).toBeGreaterThan(1);
  expect(listValues().flat()).toEqual(values);
  records = [];
  // Field 2 of the request doesn't exist, but field 1 must be a message.
  const fault = Buffer.from([0x0a, 0x02, 0x0a, 0x7f]);
  const malformed = { ...request, body: Buffer.concat([request.body, fault]) };
  await expect(service.store(malformed)).rejects.toMatchObject({ code: 'PS_OTLP_INVALID' });
  expect(records).toEqual([]);
});

it('an empty body is an empty request in both encodings', async () => {
  const service = createService();
  const request = { ...createRequest([]), body: Buffer.alloc(0) };
  expect(await service.store(request)).toBeUndefined();
  expect(await service.store({ ...request, encoding: 'json' })).toBeUndefined();
  expect(records).toEqual([]);
});

it.each<[string, string, Partial<OtlpRequest>]>([
  ['{"resource_metrics":[]}', 'Unknown fields were ignored: "resource_metrics"', {}],
  ['{"resourceSpans":[]}', 'contains no resourceMetrics. Send resourceSpans to /v1/traces.', {}],
  [
    '{"resourceMetrics":[{"scopeMetrics":[{"metric":[]}]}]}',
    'The request contains no metrics. Unknown fields were ignored: "metric"',
    {},
  ],
  ['\x12\x00', 'The request contains no resourceMetrics.', { encoding: 'protobuf' }],
  ['{"resourceMetrics":[]}', 'Send resourceMetrics to /v1/metrics.', { signal: 'traces' }],
])('the sender of %j gets a warning, because it contains no data', async (body, warning, other) => {
  const convertSpans = () => ({ tables: new Map(), rejected: new Map(), ignored: new Map() });
  const service = createService({ convertSpans });
  const request = { ...createRequest([]), encoding: 'json' as const, body: Buffer.from(body) };
  const result = await service.store({ ...request, ...other });
  expect(result).toEqual({ rejected: 0, message: expect.stringContaining(warning) as string });
});

it.each(['{}', '{"resourceMetrics":[]}', '{"resourceMetrics":[{"resource":{"x":1}}]}'])(
  'the intentionally empty request %j gets no warning',
  async (body) => {
    const request = { ...createRequest([]), encoding: 'json' as const, body: Buffer.from(body) };
    expect(await createService().store(request)).toBeUndefined();
  },
);

it('a large request in JSON is stored in parts, or not at all if one part is malformed', async () => {
  const values = Array.from({ length: 20_000 }, (_, i) => i);
  const text = encodeMetricsRequestJson(createMetrics(values, 1));
  const createJsonRequest = (json: string) =>
    ({ ...createRequest([]), encoding: 'json', body: Buffer.from(json) }) as const;
  const service = createService();
  // Both wait for each other, and are stored completely.
  await Promise.all([text, text].map((each) => service.store(createJsonRequest(each))));
  expect(records.length).toBeGreaterThan(4);
  expect(listValues().flat().slice(0, values.length)).toEqual(values);
  expect(outcomes.map(({ stored }) => stored)).toEqual([20_000, 20_000]);
  records = [];
  const index = 15_000;
  const malformed = text.replace(`"name":"m${index}"`, '"name":5');
  await expect(service.store(createJsonRequest(malformed))).rejects.toMatchObject({
    code: 'PS_OTLP_INVALID',
    params: { position: expect.stringContaining(`metrics[${index}].name`) },
  });
  const truncated = createJsonRequest(text.slice(0, -2));
  await expect(service.store(truncated)).rejects.toMatchObject({ code: 'PS_OTLP_INVALID' });
  expect(records).toEqual([]);
  expect(series.isOpen).toBe(false);
});

it('JSON has a lower size limit, because it is parsed at once', async () => {
  const body = Buffer.from(encodeMetricsRequestJson(createMetrics(Array(60_000).fill(1), 1)));
  expect(body.length).toBeGreaterThan(8 * 2 ** 20);
  const request = { ...createRequest([]), encoding: 'json', body } as const;
  await expect(createService().store(request)).rejects.toMatchObject({ code: 'PS_OTLP_TOO_LARGE' });
});

it('nothing is stored while the storage is unavailable, or after the client has disconnected', async () => {
  const service = createService({ getUnavailableReason: () => 'the disk is almost full' });
  await expect(service.store(createRequest([1]))).rejects.toMatchObject({
    code: 'PS_OTLP_NOT_STORED',
    params: { reason: 'the disk is almost full' },
  });
  const aborted = { ...createRequest([1]), isAborted: () => true };
  await expect(createService().store(aborted)).rejects.toMatchObject({
    name: 'RequestAbortedError',
  });
  expect(records).toEqual([]);
  expect(series.isOpen).toBe(false);
});

it('counts texts of spans that are too long', async () => {
  const empty = { tables: new Map(), rejected: new Map(), ignored: new Map() };
  const text = 'x'.repeat(100_000);
  const attributes = [{ key: 'db.query.text', value: { stringValue: text } }];
  const ids = { traceId: '1'.repeat(32), spanId: '2'.repeat(16) };
  const span = { ...ids, name: 'a', startTimeUnixNano: '1', endTimeUnixNano: '2', attributes };
  const body = Buffer.from(
    JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }),
  );
  const common = { signal: 'traces', encoding: 'json', organizationId: undefined } as const;
  const service = createService({ convertSpans: () => empty });
  await service.store({ ...common, body, isAborted: () => false });
  expect(outcomes).toMatchObject([{ stored: 1, shortenedTexts: 1 }]);
});
