// test/e2e/node-sdk.test.ts uses the real SDK 1.x.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Agent } from '../../../../src/agent/agent.ts';
import { setSharedAgent } from '../../../../src/agent/shared-agent.ts';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { stderrLogger } from '../../../../src/core/log.ts';
import { QuestDBMetricExporter, QuestDBSpanExporter } from '../../../../src/opentelemetry.ts';

vi.mock('../../../../src/agent/process/flush-on-exit.ts');

const log = { info: () => {}, warn: () => {}, error: () => {} };
const WARNING = expect.stringContaining('need OpenTelemetry SDK 2.x or newer');
const warn = vi.spyOn(stderrLogger, 'warn');
let folder: string;
let agent: Agent;

function createAgent(env: NodeJS.ProcessEnv = {}): void {
  const resource = { service: 'booking', instance: 'b1' };
  const discoveryFile = join(folder, 'server.json');
  const config = { ...parseSettings(env), resource, host: 'host', discoveryFile, folder };
  agent = new Agent({ config, log });
  setSharedAgent(agent);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-sdk-1-'));
  warn.mockReset();
  createAgent();
});
afterEach(async () => {
  await agent.shutdown(0);
  rmSync(folder, { recursive: true });
});

interface Sdk1Aggregation {
  createAggregator(): Record<string, () => unknown>;
}

/** Resource of SDK 1.x, which has no `getRawAttributes`. */
const RESOURCE = { attributes: { 'service.name': 'old' }, merge: () => RESOURCE };
const POINT = { startTime: [1, 0], endTime: [2, 0], attributes: {}, value: 5 } as const;
const METRICS = {
  resource: RESOURCE,
  scopeMetrics: [
    {
      scope: { name: 'app' },
      metrics: [
        {
          descriptor: { name: 'orders', unit: '1', description: '' },
          ...{ aggregationTemporality: 0, dataPointType: 3, isMonotonic: true },
          dataPoints: [POINT],
        },
      ],
    },
  ],
};
const SPAN = {
  name: 'GET /',
  kind: 1,
  spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }),
  ...{ startTime: [1, 0], endTime: [2, 0], status: { code: 0 }, attributes: {}, events: [] },
  resource: RESOURCE,
  instrumentationLibrary: { name: 'http' },
};

it('gives SDK 1.x an aggregation that keeps no values, and logs one warning', () => {
  const { selectAggregation } = new QuestDBMetricExporter();
  expect(warn).not.toHaveBeenCalled();
  for (const type of ['COUNTER', 'HISTOGRAM', 'OBSERVABLE_GAUGE']) {
    // Readers of SDK 1.x also call the method without the exporter.
    const aggregation = selectAggregation(type) as unknown as Sdk1Aggregation;
    const aggregator = aggregation.createAggregator();
    expect(aggregator).toMatchObject({ kind: 0 });
    for (const name of ['createAccumulation', 'merge', 'diff', 'toMetricData']) {
      expect(aggregator[name]!()).toBeUndefined();
    }
  }
  expect(warn.mock.calls).toEqual([[WARNING]]);
});

it('stores no metrics and spans of SDK 1.x, and logs one warning', () => {
  const add = vi.spyOn(agent.deferredWriter, 'add');
  const done = vi.fn();
  for (let i = 0; i < 2; i++) {
    new QuestDBMetricExporter().export(METRICS, done);
    new QuestDBSpanExporter().export([SPAN as never], done);
  }
  expect(done.mock.calls).toEqual(Array.from({ length: 4 }, () => [{ code: 0 }]));
  expect(add.mock.calls.flatMap(([, rows]) => rows)).toEqual([]);
  expect(warn.mock.calls).toEqual([[WARNING]]);
});

it('logs nothing if monitoring is disabled', () => {
  createAgent({ PERFORMANCE_MONITORING_ENABLED: 'false' });
  const exporter = new QuestDBMetricExporter();
  (exporter.selectAggregation('COUNTER') as unknown as Sdk1Aggregation).createAggregator();
  exporter.export(METRICS, () => {});
  expect(warn).not.toHaveBeenCalled();
});
