// Runs an agent with each block of variables in docs/integrations.md. A local receiver replaces the backend.
import { readFileSync } from 'node:fs';
import { metrics } from '@opentelemetry/api';
import { afterEach, expect, it } from 'vitest';
import { Agent } from '../../../../src/agent/agent.ts';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { OtlpReceiver } from '../../../support/otlp-receiver.ts';

const log = { info: () => {}, warn: () => {}, error: () => {} };
const BLOCK_PATTERN = /```sh\n((?:OTEL_\w+=\S*\n)+)```/g;
const ENDPOINT_PATTERN = /^(https?):\/\/[^/]+/;

const blocks = [...readFileSync('docs/integrations.md', 'utf8').matchAll(BLOCK_PATTERN)].map(
  ([, block = '']) =>
    Object.fromEntries(
      [...block.matchAll(/^(\w+)="?(.*?)"?$/gm)].map(([, name, value]) => [name, value]),
    ) as Record<string, string>,
);

const EXPECTED = [
  ['a Collector', { path: '/v1/metrics', histogram: 'exponentialHistogram', encoding: 'gzip' }],
  [
    'a Perfscope server',
    {
      path: '/v1/metrics',
      histogram: 'exponentialHistogram',
      encoding: 'gzip',
      headers: { authorization: 'Bearer INGEST_KEY' },
    },
  ],
  [
    'New Relic',
    {
      path: '/v1/metrics',
      temporality: 'delta',
      histogram: 'exponentialHistogram',
      encoding: 'gzip',
      headers: { 'api-key': 'LICENSE_KEY' },
    },
  ],
  ['the Datadog Agent', { path: '/v1/metrics', temporality: 'delta' }],
  ['Grafana Alloy', { path: '/v1/metrics', encoding: 'gzip' }],
  ['Prometheus', { path: '/api/v1/otlp/v1/metrics', histogram: 'exponentialHistogram' }],
] as const;

let agent: Agent | undefined;
let receiver: OtlpReceiver | undefined;
afterEach(async () => {
  await agent?.shutdown(0);
  receiver?.stop();
});

it('documents one block of variables for each backend', () => {
  expect(blocks).toHaveLength(EXPECTED.length);
});

it.each(EXPECTED.map(([name, expected], i) => [name, expected, i] as const))(
  'sends what %s expects',
  async (_name, expected, i) => {
    receiver = await new OtlpReceiver().start();
    const { url } = receiver;
    const env = Object.fromEntries(
      Object.entries(blocks[i] ?? {}).map(([name, value]) => [
        name,
        name.endsWith('_ENDPOINT') ? value.replace(ENDPOINT_PATTERN, url) : value,
      ]),
    );
    const { settings, problems } = parseSettings(env);
    expect(problems).toEqual([]);
    const resource = { service: 'orders', instance: 'orders-1' };
    const config = { settings, problems, resource, host: 'h', discoveryFile: '', folder: '.' };
    agent = new Agent({ config, log });
    agent.instrument();
    agent.recordJob({ queueName: 'mails', jobId: '1', status: 'completed', duration: 20 });
    metrics.getMeter('app').createHistogram('size').record(3);
    metrics.getMeter('app').createCounter('orders').add(1);
    await agent.flush();

    const { temporality = 'cumulative', histogram = 'histogram' } = {
      temporality: undefined,
      histogram: undefined,
      ...expected,
    };
    const [request] = receiver.requests;
    expect(request?.path).toBe(expected.path);
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      ...('headers' in expected && expected.headers),
    });
    const encoding = 'encoding' in expected ? expected.encoding : undefined;
    expect(request?.headers['content-encoding']).toBe(encoding);
    const byName = new Map(receiver.metrics.map((metric) => [metric.name, metric]));
    for (const name of ['messaging.process.duration', 'size']) {
      expect(byName.get(name)).toMatchObject({ kind: histogram, temporality });
    }
    expect(byName.get('orders')).toMatchObject({ kind: 'sum', temporality, isMonotonic: true });
  },
);
