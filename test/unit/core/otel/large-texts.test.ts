import { describe, expect, it } from 'vitest';
import { mapResource } from '../../../../src/core/otel/mapping/resource-mapping.ts';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';
import type { OtelAttributes, OtelMetric } from '../../../../src/core/otel/metric-data.ts';
import { MetricConverter } from '../../../../src/core/otel/rows/metrics-to-rows.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';

const NOW = Date.UTC(2026, 10, 28);
const LONG = 'x'.repeat(60_000);
const tenantAttributes = DEFAULT_TENANT_ATTRIBUTES;

function gauge(name: string, attributes: OtelAttributes = {}, unit = ''): OtelMetric {
  const points = [{ attributes, startTimeMs: 0, timeMs: NOW, value: 1 }];
  return { name, unit, kind: 'gauge', points };
}

function convert(
  metrics: readonly OtelMetric[],
  {
    resource = { 'service.name': 'shop' } as OtelAttributes,
    scope = { name: '' },
    names = tenantAttributes,
  } = {},
) {
  const converter = new MetricConverter({
    tenantAttributes: names,
    retentionMs: 86_400_000,
    thresholds: { responseTimeWarning: 1, responseTimeCritical: 2, errorRate: 3 },
  });
  const series = new CumulativeSeries({ sinceMs: 0 });
  const transaction = series.begin(NOW);
  const request = { resource, scopes: [{ scope, metrics }] };
  const result = converter.convert([request], { transaction, nowMs: NOW });
  const state = transaction.encode();
  transaction.commit();
  return { ...result, state };
}

describe('long texts of a sender', () => {
  it('are not part of the key of a resource, but distinguish resources', () => {
    const getKey = (text: string) =>
      mapResource({ 'service.instance.id': 'a', label: text }, { tenantAttributes }).key;
    expect(getKey(LONG).length).toBeLessThan(300);
    expect(getKey(LONG)).not.toBe(getKey(`${LONG}x`));
    expect(getKey(LONG)).toBe(getKey(LONG));
  });

  it('of a scope are read once, and distinguish series', () => {
    let reads = 0;
    const scope = {
      get name() {
        reads++;
        return LONG;
      },
    };
    const metrics = Array.from({ length: 50 }, (_, i) => gauge(`m${i}`));
    const rows = convert(metrics, { scope }).metrics;
    expect(reads).toBe(1);
    expect(rows).toHaveLength(50);
    const other = convert(metrics, { scope: { name: `${LONG}x` } }).metrics;
    expect(other[0]?.id).not.toBe(rows[0]?.id);
  });

  it('are not part of the stored facts about a process', () => {
    const name = 'n'.repeat(512);
    const resource = { 'service.name': name, 'service.instance.id': name };
    const metric = gauge('http.server.request.duration', { 'http.route': '/' }, 's');
    expect(convert([metric], { resource }).state!.length).toBeLessThan(300);
  });

  it('of a resource are not repeated in each row', () => {
    const resource = { 'db.instance.id': 'main', label: LONG };
    const [row] = convert([gauge('m', { state: 'idle' })], { resource }).metrics;
    expect(JSON.parse(row!.tags!)).toEqual({ 'perfscope.tags.dropped': true, state: 'idle' });
  });

  it('are not accepted as units', () => {
    const { metrics, rejected } = convert([gauge('m', {}, 'u'.repeat(513)), gauge('n', {}, 'By')]);
    expect(metrics).toHaveLength(1);
    expect([...rejected]).toEqual([['name_too_long', 1]]);
  });

  it('are cut between whole characters', () => {
    const resource = { 'service.name': `${'a'.repeat(511)}😀` };
    const { service } = mapResource(resource, { tenantAttributes }).service;
    expect(service).toBe(Buffer.from(service).toString());
  });
});

it('does not store users in the tags of metrics, also with another name of the attribute', () => {
  const names = { ...tenantAttributes, user: 'app.user' };
  const resource = { 'app.user': 'ada', table: 't' };
  const metrics = [gauge('m', { 'app.user': 'ada', state: 'idle' })];
  const [row] = convert(metrics, { resource, names }).metrics;
  expect(JSON.parse(row!.tags!)).toEqual({ table: 't', state: 'idle' });
});
