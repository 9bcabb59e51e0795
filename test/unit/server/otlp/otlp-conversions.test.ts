import { expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import type { OtelAttributes, OtelResourceMetrics } from '../../../../src/core/otel/metric-data.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';
import { createOtlpConversions } from '../../../../src/server/otlp/otlp-conversions.ts';
import { toPartialSuccess } from '../../../../src/server/otlp/partial-success.ts';

const NOW = Date.UTC(2026, 10, 28);

function createResource(resource: OtelAttributes, value: number): OtelResourceMetrics {
  const point = { attributes: {}, startTimeMs: NOW - 1000, timeMs: NOW, value };
  const sum = { kind: 'sum', temporality: 'cumulative', isMonotonic: true } as const;
  const metrics = ['orders', 'mails'].map((name) => ({ ...sum, name, unit: '', points: [point] }));
  return {
    resource: { 'service.name': 'shop', ...resource },
    scopes: [{ scope: { name: '' }, metrics }],
  };
}

function convert(resources: readonly OtelResourceMetrics[]) {
  const { convertMetrics } = createOtlpConversions(parseSettings({}).settings, () => [
    'one',
    'two',
  ]);
  const series = new CumulativeSeries({ sinceMs: 0 });
  const transaction = series.begin(NOW);
  const result = convertMetrics(resources, { transaction, organizationId: undefined, nowMs: NOW });
  transaction.commit();
  const rows = (result.tables.get('performance_metrics') ?? []) as readonly {
    name?: unknown;
    sum?: unknown;
  }[];
  return { ...result, rows: rows.map(({ name, sum }) => [name, sum]), size: series.size };
}

it('ignores the metrics of agents that write rows to the same store', () => {
  const { rows, ignored, rejected, size } = convert([
    createResource({ 'perfscope.store.id': 'one' }, 1),
    createResource({ 'perfscope.store.id': 'two' }, 2),
  ]);
  expect(rows).toEqual([]);
  expect(size).toBe(0);
  expect(ignored).toEqual(new Map([['stored_directly', 4]]));
  // It is normal, so the sender gets no warning.
  expect(toPartialSuccess('metrics', { stored: 0, rejected, ignored })).toBeUndefined();
});

it('stores the metrics of agents that write rows to another store, or none', () => {
  const { rows, ignored } = convert([
    createResource({ 'perfscope.store.id': 'three', 'service.instance.id': 'a' }, 1),
    createResource({ 'perfscope.store.id': 'one', 'service.instance.id': 'b' }, 2),
    createResource({ 'service.instance.id': 'c' }, 3),
  ]);
  expect(rows).toEqual([
    ...[
      ['orders', 1],
      ['mails', 1],
    ],
    ...[
      ['orders', 3],
      ['mails', 3],
    ],
  ]);
  expect(ignored).toEqual(new Map([['stored_directly', 2]]));
});
