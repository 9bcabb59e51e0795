import { expect, it, vi } from 'vitest';
import { MeasurementHistograms } from '../../../../src/agent/otlp-export/measurement-histograms.ts';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';

const onOverflow = vi.fn<() => void>();

function collect(rows: readonly Partial<PerformanceMetricRow>[]) {
  const histograms = new MeasurementHistograms(
    { temporality: 'delta', aggregation: 'explicit' },
    'shop',
    onOverflow,
  );
  for (const row of rows) {
    histograms.add({
      service: 'shop',
      metricType: 'CUSTOM',
      name: 'x',
      unit: '1',
      value: 1,
      ...row,
    } as PerformanceMetricRow);
  }
  return histograms
    .collect(Date.now())
    .flatMap(({ metrics }) =>
      metrics.flatMap(({ descriptor: { name, unit }, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => ({ name, unit, attributes, value })),
      ),
    );
}

it('combines equal series, and converts ms to seconds', () => {
  expect(collect([{ unit: 'ms', value: 250 }, { unit: 'ms', value: 750 }, { unit: 'By' }])).toEqual(
    [
      expect.objectContaining({ unit: 's', value: expect.objectContaining({ count: 2, sum: 1 }) }),
      expect.objectContaining({ unit: 'By', value: expect.objectContaining({ count: 1 }) }),
    ],
  );
});

it('passes on the service of a measurement if it is not the service of the process', () => {
  const points = collect([{}, { service: 'billing' }]);
  expect(points.map(({ attributes }) => attributes)).toEqual([{}, { 'service.name': 'billing' }]);
});

it('combines names and series over the limit, so that sums stay exact', () => {
  onOverflow.mockClear();
  const points = collect([
    ...Array.from({ length: 2000 }, (_, i) => ({ name: `name ${i}` })),
    ...Array.from({ length: 2000 }, (_, i) => ({ endpoint: `/${i}`, name: 'name 0' })),
  ]);
  expect(points.length).toBeLessThan(3900);
  expect(points.reduce((sum, { value }) => sum + (value as { count: number }).count, 0)).toBe(4000);
  expect(points.some(({ name }) => name === 'other.histogram')).toBe(true);
  expect(onOverflow).toHaveBeenCalled();
});
