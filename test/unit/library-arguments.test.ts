import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import { setSharedAgent } from '../../src/agent/shared-agent.ts';
import { parseSettings } from '../../src/core/config/parse-settings.ts';
import { getGuardFailures } from '../../src/core/guard.ts';
import * as library from '../../src/index.ts';
import { createOddValues, createThrowingGetters } from '../support/hostile-values.ts';

const { performanceMonitoringService: service, systemHealthMonitor: health } = library;

const MEASUREMENT_FIELDS = [
  ...['metricType', 'type', 'name', 'value', 'unit', 'tags', 'service', 'endpoint', 'operation'],
  ...['timestamp', 'duration', 'organizationId', 'propertyId', 'userId', 'error', 'test'],
];
const JOB_FIELDS = [
  ...['queueName', 'jobId', 'jobType', 'status', 'timestamp', 'createdAt', 'startedAt'],
  ...['completedAt', 'failedAt', 'duration', 'waitTime', 'attempts', 'maxAttempts', 'priority'],
  ...['delay', 'errorMessage', 'stackTrace', 'data', 'result', 'organizationId', 'propertyId'],
  'test',
];
const DASHBOARD_FIELDS = ['windowMs', 'now', 'organizationId', 'propertyId', 'includeTest'];
const TENANT_FIELDS = ['organizationId', 'propertyId', 'userId'];
const PROTECT_FIELDS = [
  ...['name', 'fallback', 'timeoutMs', 'volumeThreshold', 'errorThresholdPercentage'],
  ...['resetTimeoutMs', 'isFailure'],
];

const metric = { name: 'checkout', value: 12.5, unit: 'ms' };
const job = { queueName: 'invoices', jobId: '42', status: 'failed' } as const;

// biome-ignore lint/suspicious/noExplicitAny: the arguments have the wrong types.
type OddCall = (odd: any) => unknown;

/** Returns one call per field, with the odd value in this field. */
function forEachField(
  name: string,
  fields: readonly string[],
  valid: object,
  call: OddCall,
): [string, OddCall][] {
  return [
    ...fields.map((field): [string, OddCall] => [
      `${name} with an odd ${field}`,
      (odd) => call({ ...valid, [field]: odd }),
    ]),
    [`${name} with getters that throw`, () => call(createThrowingGetters(fields))],
  ];
}

const fn = () => 'result';
const CALLS: [name: string, call: OddCall][] = [
  ['recordMetric', (odd) => service.recordMetric(odd)],
  ...forEachField('recordMetric', MEASUREMENT_FIELDS, metric, (m) => service.recordMetric(m)),
  ['recordMetric with odd tags', (odd) => service.recordMetric({ ...metric, tags: { odd } })],
  ['recordQueueMetric', (odd) => service.recordQueueMetric(odd)],
  ...forEachField('recordQueueMetric', JOB_FIELDS, job, (t) => service.recordQueueMetric(t)),
  ['setTenantResolver', (odd) => service.setTenantResolver(odd)],
  ['getDashboard', (odd) => service.getDashboard(odd)],
  ...forEachField('getDashboard', DASHBOARD_FIELDS, {}, (o) => service.getDashboard(o)),
  ['getTrends', (odd) => service.getTrends(odd)],
  ...forEachField('getTrends', DASHBOARD_FIELDS, {}, (o) => service.getTrends(o)),
  ['flush', (odd) => service.flush(odd)],
  [
    'strict',
    (odd) => {
      service.strict = odd;
    },
  ],
  ['startMonitoring', (odd) => health.startMonitoring(odd)],
  ['registerGauge with an odd name', (odd) => health.registerGauge(odd, () => 1)],
  ['registerGauge with an odd function', (odd) => health.registerGauge('odd', odd)],
  ['getHealthSnapshot', (odd) => health.getHealthSnapshot(odd)],
  ['setDirectory', (odd) => library.notificationDirectory.setDirectory(odd)],
  ['withTenant', (odd) => library.withTenant(odd, fn)],
  ['withUrlTemplate', (odd) => library.withUrlTemplate(odd, fn)],
  ...forEachField('withTenant', TENANT_FIELDS, {}, (tenant) => library.withTenant(tenant, fn)),
  // Returns a list, because the test awaits the result.
  ['withPerformanceTracking with an odd function', (odd) => [library.withPerformanceTracking(odd)]],
  ['withPerformanceTracking', (odd) => library.withPerformanceTracking(fn, odd)()],
  ...forEachField('withPerformanceTracking', MEASUREMENT_FIELDS, { name: 'x' }, (options) =>
    library.withPerformanceTracking(fn, options)(),
  ),
  ['traceFunction', (odd) => [library.traceFunction(odd, fn)]],
  ['traceFunction with an odd function', (odd) => [library.traceFunction('x', odd)]],
  ['traceStep', (odd) => library.traceStep(odd, fn)],
  ['traced', (odd) => [library.traced(odd)]],
  ['traced with an odd target', (odd) => [library.traced()(odd, 'x', odd)]],
  ['protect with an odd function', (odd) => library.protect(odd, { name: 'odd' })],
  ['protect', (odd) => library.protect(fn, odd)],
  ...forEachField('protect', PROTECT_FIELDS, { name: 'odd' }, (options) =>
    library.protect(fn, options)(),
  ),
  ['onRule with an odd event', (odd) => library.onRule(odd, () => {})],
  ['onRule with an odd handler', (odd) => library.onRule('odd', odd)],
  ['onRule with odd options', (odd) => library.onRule('odd', () => {}, odd)],
  ['onRule with an odd timeoutMs', (timeoutMs) => library.onRule('odd', () => {}, { timeoutMs })],
];

let folder: string;
let agent: Agent;
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown) => void unhandled.push(error);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-arguments-'));
  process.on('unhandledRejection', onUnhandled);
});
beforeEach(() => {
  unhandled.length = 0;
  const logger = { info: () => {}, warn: () => {}, error: () => {} };
  agent = new Agent({
    config: {
      ...parseSettings({}),
      resource: { service: 'booking', instance: 'b1' },
      host: 'host',
      discoveryFile: join(folder, 'server.json'),
      folder,
    },
    log: logger,
    spoolDir: join(folder, 'spool'),
    target: () => undefined,
  });
  // No QuestDB acknowledges the rows.
  vi.spyOn(agent, 'flush').mockResolvedValue();
  setSharedAgent(agent);
});
afterAll(async () => {
  health.stopMonitoring();
  await service.shutdown();
  process.off('unhandledRejection', onUnhandled);
  rmSync(folder, { recursive: true, force: true });
});

/** Returns the error that a call throws or rejects with. */
async function getError(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe.each([
  ['strict', true],
  ['not strict', false],
])('the library, %s', (_, strict) => {
  it.each(CALLS)('%s works or throws an error with a code', async (_name, call) => {
    for (const [name, odd] of createOddValues()) {
      service.strict = strict;
      const error = await getError(() => call(odd));
      if (error !== undefined) {
        expect(error, `with ${name}`).toBeInstanceOf(library.PerfscopeError);
      }
      health.stopMonitoring();
    }
    service.setTenantResolver(undefined);
    library.notificationDirectory.setDirectory(undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });
});

it('odd calls do not affect later calls', async () => {
  for (const [, call] of CALLS) {
    for (const [, odd] of createOddValues()) await getError(() => call(odd));
  }
  health.stopMonitoring();
  service.strict = true;
  const dropped = service.droppedRows;
  service.recordMetric(metric);
  service.recordQueueMetric(job);
  expect(service.droppedRows).toBe(dropped);
  expect(library.withTenant({ organizationId: 'a' }, fn)).toBe('result');
  expect(library.withPerformanceTracking(fn, { name: 'x' })()).toBe('result');
  expect(library.traceFunction('x', fn)).toBe(fn);
  expect(library.traceStep('x', fn)).toBe('result');
  expect(await library.protect(fn, { name: 'later' })()).toBe('result');
  expect(await health.getHealthSnapshot()).toMatchObject({ metrics: { gauges: {} } });
});

it('odd values of the caller are not reported as failures of the agent', async () => {
  const before = new Map(getGuardFailures());
  for (const [, odd] of createOddValues()) {
    await getError(() => service.recordMetric({ ...metric, tags: { odd } }));
    await getError(() => service.recordQueueMetric({ ...job, data: odd }));
    await getError(() => library.withTenant(odd as object, fn));
    await getError(() => library.withUrlTemplate(odd as string, fn));
  }
  expect(new Map(getGuardFailures())).toEqual(before);
});

it.each([
  ['recordMetric', () => service.recordMetric({ ...metric, duration: null as never })],
  ['recordQueueMetric', () => service.recordQueueMetric({ ...job, duration: null as never })],
  ['a BigInt', () => service.recordMetric({ ...metric, tags: { id: 1n } })],
])('keeps a measurement with null or a BigInt: %s', (_, call) => {
  service.strict = true;
  expect(call).not.toThrow();
  expect(service.droppedRows).toBe(0);
});

it.each([
  ['a missing measurement', () => service.recordMetric(null as never), 'PS_ROW_INVALID'],
  ['a missing transition', () => service.recordQueueMetric(null as never), 'PS_ROW_INVALID'],
  [
    'a getter that throws',
    () => service.recordMetric(createThrowingGetters(['name']) as never),
    'PS_ROW_INVALID',
  ],
  ['a symbol as a timestamp', () => odd({ timestamp: Symbol('now') }), 'PS_ROW_INVALID'],
  ['an interval of NaN', () => health.startMonitoring(Number.NaN), 'PS_ARGUMENT_INVALID'],
  ['an interval as text', () => health.startMonitoring('30' as never), 'PS_ARGUMENT_INVALID'],
  ['a missing function', () => library.withTenant({}, undefined as never), 'PS_ARGUMENT_INVALID'],
  [
    'a missing function for a template',
    () => library.withUrlTemplate('/', undefined as never),
    'PS_ARGUMENT_INVALID',
  ],
  [
    'a text as options',
    () => library.withPerformanceTracking(fn, 'x' as never),
    'PS_ARGUMENT_INVALID',
  ],
  ['missing options of protect', () => library.protect(fn, null as never), 'PS_BREAKER_INVALID'],
])('strict mode reports %s', (_, call, code) => {
  service.strict = true;
  expect(call).toThrow(expect.objectContaining({ code }));
});

function odd(fields: object): void {
  service.recordMetric({ ...metric, ...fields } as never);
}

it.each([
  [0, 100],
  [-1, 100],
  [30 * 86_400_000, 86_400_000],
  [Number.POSITIVE_INFINITY, 86_400_000],
  [undefined, 60_000],
  [null, 60_000],
  [500, 500],
])('startMonitoring(%s) uses an interval of %i ms', (intervalMs, expected) => {
  const setInterval = vi.spyOn(globalThis, 'setInterval');
  health.startMonitoring(intervalMs as number);
  expect(setInterval).toHaveBeenNthCalledWith(1, expect.any(Function), expected);
  health.stopMonitoring();
  setInterval.mockRestore();
});

it.each([Number.NaN, 0, -1, '900000', Number.POSITIVE_INFINITY])(
  'getDashboard({ windowMs: %s }) rejects',
  async (windowMs) => {
    const options = { windowMs: windowMs as number };
    await expect(service.getDashboard(options)).rejects.toMatchObject({
      code: 'PS_ARGUMENT_INVALID',
    });
    await expect(service.getTrends(options)).rejects.toMatchObject({ code: 'PS_ARGUMENT_INVALID' });
  },
);

it('rejects the invalid time limit of a flush', async () => {
  await expect(service.flush(Number.NaN)).rejects.toMatchObject({ code: 'PS_ARGUMENT_INVALID' });
  await service.flush(null as never);
  expect(agent.flush).toHaveBeenCalledExactlyOnceWith(30_000);
});

it('runs the function without a tenant if the tenant is not an object', () => {
  for (const [, odd] of createOddValues()) {
    const inner = library.withTenant({ organizationId: 'outer' }, () =>
      library.withTenant(odd as object, () => service),
    );
    expect(inner).toBe(service);
  }
});
