import { expect, it, vi } from 'vitest';
import * as components from '../../src/opentelemetry.ts';
import * as unsupported from '../../src/unsupported-opentelemetry.ts';

const METHODS = ['export', 'forceFlush', 'shutdown', 'selectAggregation'] as const;

it('the OpenTelemetry components on an unsupported runtime have the same exports', () => {
  expect(Object.keys(unsupported).toSorted()).toEqual(Object.keys(components).toSorted());
  for (const name of METHODS) {
    expect(unsupported.QuestDBMetricExporter.prototype).toHaveProperty(name);
    expect(components.QuestDBMetricExporter.prototype).toHaveProperty(name);
  }
});

it('exporters on an unsupported runtime report success', async () => {
  const done = vi.fn();
  const exporters = [unsupported.QuestDBMetricExporter, unsupported.QuestDBSpanExporter];
  for (const Exporter of exporters) {
    const exporter = new Exporter();
    exporter.export({}, done);
    expect(exporter.notStored).toEqual({ rejected: {}, ignored: {} });
    await exporter.forceFlush();
    await exporter.shutdown();
  }
  expect(done.mock.calls).toEqual([[{ code: 0 }], [{ code: 0 }]]);
  const exporter = new unsupported.QuestDBMetricExporter();
  expect(exporter.selectAggregation()).toEqual({ type: 0 });
  expect(exporter.selectAggregationTemporality()).toBe(0);
});

it('the configuration on an unsupported runtime keeps tracing enabled', async () => {
  const { metricReaders, spanProcessors } = unsupported.perfscopeConfiguration();
  expect(metricReaders).toEqual([]);
  const [processor] = spanProcessors;
  processor?.onStart();
  processor?.onEnd();
  await processor?.forceFlush();
  await processor?.shutdown();
});
