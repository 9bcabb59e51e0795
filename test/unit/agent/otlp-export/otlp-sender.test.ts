import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type OtlpDropReason, OtlpSender } from '../../../../src/agent/otlp-export/otlp-sender.ts';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { encodeMetricsRequest } from '../../../../src/core/otel/encode/otlp-encoder.ts';
import { ProtobufWriter } from '../../../../src/core/protobuf/protobuf-writer.ts';
import { OtlpReceiver } from '../../../support/otlp-receiver.ts';
import { waitFor } from '../../../support/wait-for.ts';

const log = {
  info: vi.fn<(m: string) => void>(),
  warn: vi.fn<(m: string) => void>(),
  error: () => {},
};
let receiver: OtlpReceiver;
let sender: OtlpSender | undefined;
let dropped: Map<OtlpDropReason, number>;
let sent: number;

beforeEach(async () => {
  log.info.mockClear();
  log.warn.mockClear();
  dropped = new Map();
  sent = 0;
  receiver = await new OtlpReceiver().start();
});
afterEach(() => {
  sender?.close();
  receiver.stop();
});

function createSender(env: Record<string, string> = {}, random = () => 0): OtlpSender {
  const { otlp: settings } = parseSettings({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    ...env,
  }).settings;
  if (!settings) throw new Error('no endpoint');
  sender = new OtlpSender({
    settings,
    tls: undefined,
    log,
    onDrop: (reason, points) => dropped.set(reason, (dropped.get(reason) ?? 0) + points),
    onSent: (points) => {
      sent += points;
    },
    random,
  });
  return sender;
}

/** A request with one point, whose value identifies the request. */
function encodeRequest(value: number, service = 'test'): Buffer {
  const points = [{ attributes: {}, startTimeMs: 1, timeMs: 2, value }];
  const metric = { name: 'x', unit: '1', kind: 'gauge' as const, points };
  return encodeMetricsRequest([
    { resource: { 'service.name': service }, scopes: [{ scope: { name: '' }, metrics: [metric] }] },
  ]);
}

const getValues = () => receiver.getPoints('x').map((point) => (point as { value: number }).value);
const getWarnings = () => log.warn.mock.calls.map(([message]) => message);

it('sends requests in order, with the headers of the settings', async () => {
  const created = createSender({ OTEL_EXPORTER_OTLP_HEADERS: 'api-key=secret%3D' });
  for (let i = 1; i <= 3; i++) created.add(encodeRequest(i), 1);
  await waitFor(async () => sent === 3);
  expect(getValues()).toEqual([1, 2, 3]);
  expect(receiver.requests[0]).toMatchObject({
    path: '/v1/metrics',
    headers: { 'api-key': 'secret=', 'content-type': 'application/x-protobuf' },
  });
  expect(created.hasPending).toBe(false);
  expect([...dropped, ...getWarnings()]).toEqual([]);
});

it('compresses requests', async () => {
  createSender({ OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }).add(encodeRequest(1), 1);
  await waitFor(async () => sent === 1);
  expect(receiver.requests[0]?.headers['content-encoding']).toBe('gzip');
});

it.each([429, 502, 503, 504])(
  'repeats a request after status %d, and logs this once',
  async (status) => {
    receiver.respondOnce(status, '', { 'retry-after': '0' });
    createSender().add(encodeRequest(1), 1);
    await waitFor(async () => sent === 1);
    expect(getValues()).toEqual([1, 1]);
    expect(getWarnings()).toEqual([expect.stringContaining(`HTTP ${status}`)]);
    expect(log.info).toHaveBeenCalledOnce();
    expect(dropped.size).toBe(0);
  },
);

it('waits as long as the endpoint requires', async () => {
  receiver.respondOnce(503, '', { 'retry-after': '3600' });
  const created = createSender();
  created.add(encodeRequest(1), 1);
  await waitFor(async () => getWarnings().length === 1);
  await created.drain(1000, { retry: true });
  expect(receiver.requests).toHaveLength(1);
  expect(created.hasPending).toBe(true);
});

it.each([
  [400, 'bad', {}, 'HTTP 400 bad'],
  [
    401,
    '{"code":16,"message":"wrong key"}',
    { 'content-type': 'application/json' },
    'HTTP 401 wrong key',
  ],
  [404, '<html>', {}, 'HTTP 404 Not Found'],
  [500, '', {}, 'HTTP 500 Internal Server Error'],
  [302, '', { location: 'http://127.0.0.1:1/' }, 'HTTP 302 Found'],
] as const)(
  'does not repeat a request after status %d',
  async (status, body, headers, expected) => {
    receiver.respondOnce(status, body, headers);
    const created = createSender();
    created.add(encodeRequest(1), 7);
    created.add(encodeRequest(2), 1);
    await waitFor(async () => sent === 1);
    expect(getValues()).toEqual([1, 2]);
    expect(dropped).toEqual(new Map([['rejected', 7]]));
    expect(getWarnings()).toEqual([expect.stringContaining(expected)]);
  },
);

it('advises how to correct a path that ends twice with /v1/metrics', async () => {
  receiver.respondOnce(404, 'no such path');
  const endpoint = `${receiver.url}/v1/metrics/`;
  createSender({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }).add(encodeRequest(1), 1);
  await waitFor(async () => getWarnings().length === 1);
  expect(getWarnings()[0]).toMatch(
    /HTTP 404 no such path\. .*sent again\. Remove `\/v1\/metrics` from OTEL_EXPORTER_OTLP_ENDPOINT, because .*\./,
  );
});

it('reads the reason of a rejection in protobuf', async () => {
  const status = new ProtobufWriter();
  status.uint32(1, 3);
  status.string(2, 'unknown\ntenant');
  const headers = { 'content-type': 'application/x-protobuf' };
  receiver.respondOnce(400, Buffer.from(status.finish()), headers);
  createSender().add(encodeRequest(1), 1);
  await waitFor(async () => dropped.size === 1);
  expect(getWarnings()).toEqual([expect.stringContaining('HTTP 400 unknown tenant')]);
});

it.each(['protobuf', 'json'])(
  'counts rejected points of a partial success in %s, and logs them once',
  async (encoding) => {
    const writer = new ProtobufWriter();
    const start = writer.startMessage(1);
    writer.int64(1, 300);
    writer.string(2, 'no cumulative points');
    writer.endMessage(start);
    const partialSuccess = { rejectedDataPoints: '300', errorMessage: 'no cumulative points' };
    const [body, type] =
      encoding === 'json'
        ? [JSON.stringify({ partialSuccess }), 'application/json']
        : [Buffer.from(writer.finish()), 'application/x-protobuf'];
    const created = createSender();
    for (const value of [1, 2]) {
      receiver.respondOnce(200, body, { 'content-type': type });
      created.add(encodeRequest(value), 500);
    }
    await waitFor(async () => sent === 400);
    expect(dropped).toEqual(new Map([['rejected', 600]]));
    expect(getWarnings()).toEqual([
      expect.stringMatching(/rejected 300 points of a request: no cumulative points/),
    ]);
  },
);

it('keeps requests while the endpoint refuses connections, and repeats them when asked to', async () => {
  receiver.stop();
  const created = createSender({}, () => 1);
  created.add(encodeRequest(1), 1);
  created.add(encodeRequest(2), 1);
  await waitFor(async () => getWarnings().length === 1);
  await created.drain(1000, { retry: false });
  expect(created.hasPending).toBe(true);
  expect(dropped.size).toBe(0);
  created.close();
  expect(dropped).toEqual(new Map([['process_exit', 2]]));
  expect(getWarnings()).toHaveLength(1);
});

it('drops the oldest requests over 16 MB', async () => {
  receiver.responses.push(() => {});
  const created = createSender();
  const large = encodeRequest(1, 'x'.repeat(6 * 1024 * 1024));
  created.add(encodeRequest(0), 1);
  await waitFor(async () => receiver.requests.length === 1);
  for (let points = 2; points <= 5; points++) created.add(large, points);
  // The first request is being sent, so the second and the third are the oldest.
  expect(dropped).toEqual(new Map([['queue_full', 2 + 3]]));
});

it('does not log secrets', async () => {
  receiver.stop();
  const created = createSender({
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${receiver.url.replace('//', '//me:hunter2@')}/x?key=hunter2`,
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=hunter2',
  });
  created.add(encodeRequest(1), 1);
  await waitFor(async () => getWarnings().length === 1);
  expect(getWarnings()[0]).toContain(`${receiver.url}/x `);
  expect(getWarnings()[0]).not.toContain('hunter2');
});

it('explains the usual mistake if the port is for gRPC', async () => {
  const created = createSender({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4317' });
  created.add(encodeRequest(1), 1);
  await waitFor(async () => getWarnings().length === 1);
  expect(getWarnings()[0]).toContain('Use port 4318');
});
