import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Agent } from '../../../../src/agent/agent.ts';
import { setSharedAgent } from '../../../../src/agent/shared-agent.ts';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { stderrLogger } from '../../../../src/core/log.ts';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';
import {
  perfscopeConfiguration,
  QuestDBMetricExporter,
  QuestDBSpanExporter,
} from '../../../../src/opentelemetry.ts';
import { createOddValues } from '../../../support/hostile-values.ts';

vi.mock('../../../../src/agent/process/flush-on-exit.ts');

const REGISTERED = Symbol.for('perfscope.registered');
const log = { info: () => {}, warn: () => {}, error: () => {} };

let folder: string;
let agent: Agent;
const warn = vi.spyOn(stderrLogger, 'warn');

function createAgent(env: NodeJS.ProcessEnv = {}): void {
  const resource = { service: 'booking', instance: 'b1' };
  const discoveryFile = join(folder, 'server.json');
  const config = { ...parseSettings(env), resource, host: 'host', discoveryFile, folder };
  agent = new Agent({ config, log, spoolDir: join(folder, 'spool') });
  setSharedAgent(agent);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-exporters-'));
  warn.mockReset();
  createAgent();
});
afterEach(async () => {
  await agent.shutdown(0);
  Reflect.deleteProperty(globalThis, REGISTERED);
  rmSync(folder, { recursive: true, force: true });
});

const EXPORTERS = { QuestDBMetricExporter, QuestDBSpanExporter };
const CASES = Object.entries(EXPORTERS) as [string, typeof QuestDBMetricExporter][];
const EMPTY = { resource: { attributes: {} }, scopeMetrics: [] };

describe.each(CASES)('%s', (name, Exporter) => {
  const empty = (name === 'QuestDBMetricExporter' ? EMPTY : []) as typeof EMPTY;

  it('reports success, and a failure for data that can not be converted', () => {
    const exporter = new Exporter();
    const done = vi.fn();
    exporter.export(empty, done);
    expect(done).toHaveBeenLastCalledWith({ code: 0 });
    exporter.export(undefined as never, done);
    expect(done).toHaveBeenLastCalledWith({ code: 1, error: expect.any(TypeError) });
  });

  it('never throws for odd values, and never rejects', async () => {
    const exporter = new Exporter();
    for (const [, odd] of createOddValues()) {
      exporter.export(odd as never, () => {});
      exporter.export(empty, odd as never);
    }
    await exporter.forceFlush();
    await exporter.shutdown();
  });

  it('throws an error with a code for odd options', () => {
    for (const [, odd] of createOddValues()) {
      for (const options of [odd, { url: odd }, { token: odd }, { spoolDir: odd }]) {
        try {
          new Exporter(options as never);
        } catch (error) {
          expect(error).toMatchObject({ code: 'PS_ARGUMENT_INVALID' });
        }
      }
    }
  });

  it('writes its options into the settings of the agent', () => {
    createAgent({ PERFORMANCE_QUESTDB_URL: 'http://env:9000' });
    new Exporter({ url: 'http://option:9000', token: 'secret' });
    new Exporter({ url: 'http://option:9000' });
    new Exporter();
    expect(agent.config.settings).toMatchObject({
      PERFORMANCE_QUESTDB_URL: 'http://option:9000',
      PERFORMANCE_QUESTDB_TOKEN: 'secret',
    });
    expect(() => new Exporter({ url: 'http://other:9000' })).toThrow(
      `${name}() received an invalid argument: url differs from the option of another exporter`,
    );
  });

  it('does nothing with `register`, and logs this once', async () => {
    Object.defineProperty(globalThis, REGISTERED, { value: true, configurable: true });
    const connect = vi.spyOn(agent, 'connect');
    const exporter = new Exporter({ url: 'http://option:9000' });
    const done = vi.fn();
    exporter.export(undefined as never, done);
    await exporter.shutdown();
    expect(done).toHaveBeenCalledWith({ code: 0 });
    expect(connect).not.toHaveBeenCalled();
    expect(agent.config.settings.PERFORMANCE_QUESTDB_URL).toBeUndefined();
    expect(warn.mock.calls).toEqual([[expect.stringContaining('do nothing in this process')]]);
  });

  it('does nothing if monitoring is disabled', () => {
    createAgent({ PERFORMANCE_MONITORING_ENABLED: 'false' });
    const done = vi.fn();
    new Exporter().export(undefined as never, done);
    expect(done).toHaveBeenCalledWith({ code: 0 });
    expect(warn).not.toHaveBeenCalled();
  });
});

it('exports exponential histograms, and deltas except for up-down counters', () => {
  const exporter = new QuestDBMetricExporter();
  const types = ['COUNTER', 'UP_DOWN_COUNTER', 'OBSERVABLE_UP_DOWN_COUNTER', 'HISTOGRAM'];
  expect(types.map((type) => exporter.selectAggregationTemporality(type))).toEqual([0, 1, 1, 0]);
  expect(types.map((type) => exporter.selectAggregation(type).type)).toEqual([0, 0, 0, 5]);
});

it('perfscopeConfiguration() checks its interval', () => {
  const exportIntervalMs = 'often' as never;
  expect(() => perfscopeConfiguration({ exportIntervalMs })).toThrow(
    'perfscopeConfiguration() received an invalid argument: exportIntervalMs is not a number',
  );
});

it('stores metrics for the tenant in the configured attributes', () => {
  createAgent({ PERFORMANCE_ORGANIZATION_ATTRIBUTE: 'hotel.group' });
  const add = vi.spyOn(agent.deferredWriter, 'add');
  const seconds = Math.floor(Date.now() / 1000);
  const metric = {
    descriptor: { name: 'orders', unit: '{order}', description: '' },
    ...{ aggregationTemporality: 0, dataPointType: 3, isMonotonic: true },
    dataPoints: [
      { attributes: {}, startTime: [seconds - 1, 0], endTime: [seconds, 0], value: 3 } as const,
    ],
  };
  new QuestDBMetricExporter().export(
    {
      resource: { attributes: { 'service.name': 'booking', 'hotel.group': 'grand' } },
      scopeMetrics: [{ scope: { name: 'app' }, metrics: [metric] }],
    },
    () => {},
  );
  expect(add.mock.calls[0]).toEqual([
    'performance_metrics',
    [expect.objectContaining({ name: 'orders', value: 3, organizationId: 'grand' })],
  ]);
});

describe('data that can not be stored', () => {
  const seconds = Math.floor(Date.now() / 1000);
  const toMetrics = (name: string, value: number) => ({
    resource: { attributes: { 'service.name': 'booking' } },
    scopeMetrics: [
      {
        scope: { name: 'app' },
        metrics: [
          {
            descriptor: { name, unit: '', description: '' },
            ...{ aggregationTemporality: 0, dataPointType: 3, isMonotonic: true },
            dataPoints: [
              {
                attributes: {},
                startTime: [seconds - 1, 0] as const,
                endTime: [seconds, 0] as const,
                value,
              },
            ],
          },
        ],
      },
    ],
  });

  it('is logged once for each reason, and counted', () => {
    const add = vi.spyOn(agent.deferredWriter, 'add');
    let nowMs = Date.now();
    const now = vi.spyOn(Date, 'now').mockImplementation(() => nowMs++);
    const exporter = new QuestDBMetricExporter();
    for (const [name, value] of [
      ['orders', Number.NaN],
      ['refunds', Number.POSITIVE_INFINITY],
      ['user 42', -1],
    ] as const) {
      exporter.export(toMetrics(name, value), () => {});
    }
    expect(warn.mock.calls).toEqual([
      [
        'Dropped 1 row: metric points of the OpenTelemetry SDK are invalid: not_finite (NaN, infinite, or larger than 10^300). The first one is of the metric orders.',
      ],
      ['Dropped 1 row: metric points of the OpenTelemetry SDK are invalid: negative_count.'],
    ]);
    expect(agent.droppedRows.byReason).toEqual(new Map([['invalid', 3]]));
    expect(exporter.notStored).toEqual({
      rejected: { not_finite: 2, negative_count: 1 },
      ignored: {},
    });
    const rows = add.mock.calls.flatMap(([, each]) => each) as PerformanceMetricRow[];
    const counts = { service: 'booking', name: 'perfscope.rows.dropped', operation: 'invalid' };
    expect(rows).toMatchObject(Array.from({ length: 3 }, () => ({ ...counts, value: 1 })));
    now.mockRestore();
  });

  it('also covers spans', () => {
    const span = {
      ...{ name: '/users/42', kind: 1, status: { code: 0 }, attributes: {}, events: [] },
      spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }),
      ...{ startTime: [1, 0] as const, endTime: [2, 0] as const },
      ...{ resource: { attributes: {} }, instrumentationScope: { name: 'app' } },
    };
    const exporter = new QuestDBSpanExporter();
    const valid = { ...span, startTime: [seconds, 0] as const, endTime: [seconds, 0] as const };
    exporter.export([span, valid, valid], () => {});
    expect(exporter.notStored).toEqual({ rejected: { too_old: 1 }, ignored: { duplicate: 1 } });
    const text = 'spans of the OpenTelemetry SDK are invalid: too_old (older than the retention';
    expect(warn.mock.calls).toEqual([[expect.stringContaining(`Dropped 1 row: ${text}`)]]);
    expect(agent.droppedRows.byReason).toEqual(new Map([['expired', 1]]));
  });
});
