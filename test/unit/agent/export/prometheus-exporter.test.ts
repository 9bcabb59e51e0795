import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  createPrometheusReader,
  formatPrometheusMetrics,
  type PrometheusReader,
  servePrometheus,
} from '../../../../src/agent/export/prometheus-exporter.ts';
import { HistogramRegistry } from '../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { parsePrometheusText } from '../../../support/parse-prometheus-text.ts';

let histograms: HistogramRegistry;
let reader: PrometheusReader;
let provider: MeterProvider;
beforeEach(() => {
  histograms = new HistogramRegistry(() => {});
  reader = createPrometheusReader(histograms.createCumulativeProducer());
  provider = new MeterProvider({ readers: [reader] });
});
afterEach(() => provider.shutdown());

/** Returns `[type, labels, value]` of each sample by name. Omits the label with the scope. */
async function scrape(): Promise<Record<string, unknown[][]>> {
  const families = parsePrometheusText(`${await formatPrometheusMetrics(reader)}\n`);
  families.delete('target_info');
  const entries = [...families].map(([name, { type, samples }]) => [
    name,
    samples
      .filter((sample) => !sample.name.endsWith('_bucket'))
      .map(({ labels: { otel_scope_name: _, ...labels }, value }) => [type, labels, value]),
  ]);
  return Object.fromEntries(entries) as Record<string, unknown[][]>;
}

it('joins the values of attributes that have the same label', async () => {
  const counter = provider.getMeter('app').createCounter('orders');
  counter.add(1, { 'host.name': 'a', 'host-name': 'b' });
  expect(await scrape()).toEqual({ orders_total: [['counter', { host_name: 'b;a' }, 1]] });
});

it('merges series that have the same labels', async () => {
  const meter = provider.getMeter('app');
  const counter = meter.createCounter('orders');
  const histogram = meter.createHistogram('price');
  const gauge = meter.createGauge('rooms');
  for (const [i, name] of ['host.name', 'host-name'].entries()) {
    counter.add(i + 1, { [name]: 'a' });
    histogram.record(i + 1, { [name]: 'a' });
    gauge.record(i + 1, { [name]: 'a' });
  }
  const labels = { host_name: 'a' };
  expect(await scrape()).toEqual({
    orders_total: [['counter', labels, 3]],
    price: [
      ['histogram', labels, 2],
      ['histogram', labels, 3],
    ],
    rooms: [['gauge', labels, 2]],
  });
});

it('renames reserved and invalid labels', async () => {
  const attributes = { le: '1', quantile: '2', __name__: '3', '9a': '4', '': '5', 'é!': '6' };
  const scope = { 'otel.scope.name': '7', otel_scope_version: '8' };
  provider
    .getMeter('app')
    .createGauge('rooms')
    .record(1, { ...attributes, ...scope });
  const labels = {
    exported_le: '1',
    exported_quantile: '2',
    _name_: '3',
    _9a: '4',
    _: '5;6',
    exported_otel_scope_name: '7',
    exported_otel_scope_version: '8',
  };
  expect(await scrape()).toEqual({ rooms: [['gauge', labels, 1]] });
});

it('escapes values, and replaces half of a surrogate pair', async () => {
  const gauge = provider.getMeter('app').createGauge('rooms', { description: 'a\nb\\' });
  gauge.record(1, { text: 'a"b\\c\nd' });
  gauge.record(2, { text: '\ud800' });
  gauge.record(3, { text: '\ufffd' });
  expect(await scrape()).toEqual({
    rooms: [
      ['gauge', { text: 'a"b\\c\nd' }, 1],
      ['gauge', { text: '\ufffd' }, 3],
    ],
  });
});

it('combines the same metric of several scopes', async () => {
  provider.getMeter('a').createCounter('orders').add(1);
  provider.getMeter('b', '2.0').createCounter('orders').add(2);
  expect(await scrape()).toEqual({
    orders_total: [
      ['counter', {}, 1],
      ['counter', { otel_scope_version: '2.0' }, 2],
    ],
  });
});

it('adds a suffix to metrics that differ only in their type, unit, or buckets', async () => {
  const meter = provider.getMeter('app');
  meter.createGauge('x').record(1);
  meter.createGauge('x.').record(2, { a: 'same type' });
  meter.createGauge('x', { unit: 's' }).record(3);
  provider.getMeter('b').createUpDownCounter('x').add(4);
  provider.getMeter('c').createCounter('x.total').add(5);
  provider.getMeter('d').createGauge('x_total').record(6);
  provider.getMeter('e').createGauge('target.info').record(7);
  provider.getMeter('f').createGauge('!').record(8);
  expect(await scrape()).toEqual({
    x: [['gauge', {}, 1]],
    x_: [['gauge', { a: 'same type' }, 2]],
    x_2: [['gauge', {}, 3]],
    x_3: [['gauge', {}, 4]],
    x_total: [['counter', {}, 5]],
    x_total_2: [['gauge', {}, 6]],
    target_info_2: [['gauge', {}, 7]],
    unnamed: [['gauge', {}, 8]],
  });
});

it("keeps the names of the agent's metrics, and all names between scrapes", async () => {
  provider.getMeter('app').createGauge('work.duration.count').record(1);
  const own = { scope: 'perfscope.http', name: 'work.duration', description: '', boundaries: [1] };
  histograms.create({ ...own, unit: 's' }).record(0.5, '', () => ({}));
  const expected = {
    work_duration: [
      ['histogram', {}, 1],
      ['histogram', {}, 0.5],
    ],
    work_duration_count_2: [['gauge', {}, 1]],
  };
  expect(await scrape()).toEqual(expected);
  const other = provider.getMeter('app').createHistogram('work.duration', { unit: 's' });
  other.record(2);
  expect(await scrape()).toMatchObject(expected);
});

it('answers 500 if the metrics cannot be collected', async () => {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const failing = { collect: () => Promise.reject(new Error('broken')) };
  const served = servePrometheus(0, '127.0.0.1', log, failing);
  const failingProvider = new MeterProvider({ readers: [served.reader] });
  await once(served.server, 'listening');
  const { port } = served.server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect([response.status, await response.text()]).toEqual([
    500,
    'failed to export metrics: broken',
  ]);
  served.server.close();
  await failingProvider.shutdown();
});
