import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { metrics } from '@opentelemetry/api';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BreakerRegistry } from '../../../src/agent/breakers/breaker-registry.ts';
import { Breaker, parseProtectOptions } from '../../../src/agent/breakers/circuit-breaker.ts';
import {
  type ActiveDecision,
  DecisionDispatcher,
} from '../../../src/agent/business-rules/decision-dispatcher.ts';
import { ErrorTracker } from '../../../src/agent/error-tracking/error-tracker.ts';
import {
  DurationStats,
  SystemHealthMonitor,
} from '../../../src/agent/health/system-health-monitor.ts';
import { TenantReader } from '../../../src/agent/instrumentation/context/tenant-reader.ts';
import { createPoolMetrics } from '../../../src/agent/instrumentation/databases/pool-metrics.ts';
import { HistogramRegistry } from '../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import {
  HostSampler,
  instrumentHost,
} from '../../../src/agent/instrumentation/host/host-metrics.ts';
import {
  EventLoopSampler,
  instrumentRuntime,
} from '../../../src/agent/instrumentation/host/runtime-metrics.ts';
import { InstrumentationRegistry } from '../../../src/agent/instrumentation/loading/instrumentation-registry.ts';
import type { Library } from '../../../src/agent/instrumentation/loading/library.ts';
import { QueueGauges } from '../../../src/agent/instrumentation/queues/queue-gauges.ts';
import { MetricRecorder } from '../../../src/agent/record/metric-recorder.ts';
import { DroppedRowCounter } from '../../../src/storage/spool/dropped-rows.ts';
import {
  countFailures,
  createFailingMeter,
  fail,
  type ObservableCallback,
} from '../../support/failing-meter.ts';
import { createTestContext } from '../../support/instrumentation-context.ts';
import { waitFor } from '../../support/wait-for.ts';

const observers = vi.hoisted(() => [] as ((list: object) => void)[]);
vi.mock('node:perf_hooks', async (importOriginal) => ({
  ...(await importOriginal<typeof import('node:perf_hooks')>()),
  PerformanceObserver: class {
    constructor(callback: (list: object) => void) {
      observers.push(callback);
    }
    observe(): void {}
    disconnect(): void {}
  },
}));

const callbacks: ObservableCallback[] = [];
const meter = createFailingMeter(callbacks);
const uncaught: unknown[] = [];
const onUncaught = (error: unknown) => void uncaught.push(error);
process.on('uncaughtException', onUncaught);
process.on('unhandledRejection', onUncaught);

beforeEach(() => {
  callbacks.length = 0;
});
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  expect(uncaught).toEqual([]);
});
afterAll(() => {
  process.off('uncaughtException', onUncaught);
  process.off('unhandledRejection', onUncaught);
});

/** Expects that `run` returns, and that the failure of `part` is counted. */
async function expectFailure(part: string, run: () => unknown, count = 1): Promise<void> {
  const before = countFailures(part);
  await run();
  expect(countFailures(part)).toBe(before + count);
}

describe('a failing observable callback', () => {
  const observe = async () => {
    for (const callback of callbacks) await callback({ observe: fail });
  };

  it('of the host metrics is counted', async () => {
    const sampler = new HostSampler(0);
    instrumentHost(meter, sampler, 'host');
    sampler.sample = fail;
    await expectFailure('the host metrics', observe, 7);
  });

  it('of the runtime metrics is counted', async () => {
    const eventLoop = new EventLoopSampler();
    instrumentRuntime(meter, eventLoop);
    eventLoop.stop();
    eventLoop.sample = fail;
    await expectFailure('the runtime metrics', observe, 8);
  });

  it('of the garbage collection metrics is counted', async () => {
    const eventLoop = new EventLoopSampler();
    instrumentRuntime(meter, eventLoop);
    eventLoop.stop();
    const run = () => observers.at(-1)!({ getEntries: () => [{ duration: 1 }] });
    await expectFailure('the garbage collection metrics', run);
  });

  it('of the connection pools is counted', async () => {
    const pools = createPoolMetrics(meter, new HistogramRegistry(() => {}));
    const counts = { used: 1, idle: 0, waiting: 0, max: 1 };
    pools.register(
      {},
      () => 'rooms',
      () => counts,
    );
    await expectFailure('the pool metrics', observe);
    pools.register({}, () => 'guests', fail);
    await expectFailure('the pool metrics', () => expect(pools.countConnections()).toBe(1));
  });

  it('of a queue is counted, and the other queues are observed', async () => {
    const unreachable: string[] = [];
    const gauges = new QueueGauges({
      meter,
      onReachabilityChange: (queue) => {
        unreachable.push(queue);
        if (queue === 'a') fail();
      },
    });
    const source = { system: 'test', isOpen: () => true, read: async () => undefined };
    const queues = ['a', 'b'].map((name) => ({ name }));
    for (const queue of queues) gauges.add(source, queue.name, queue.name, queue);
    await expectFailure('the queue metrics', observe);
    expect(unreachable).toEqual(['a', 'b']);
  });

  it('of the breakers is counted, and calls return their results', async () => {
    metrics.setGlobalMeterProvider({ getMeter: () => meter });
    const registry = new BreakerRegistry();
    const book = registry.protect(async (room: number) => `booked ${room}`, { name: 'rooms' });
    await expectFailure('the breaker metrics', async () => expect(await book(7)).toBe('booked 7'));
    await expectFailure('the breaker metrics', observe);
    await expectFailure('the breaker metrics', () =>
      registry.setForced([{ name: 'rooms', leaseMs: 1 }]),
    );
    // The end of the lease also reports a state.
    await waitFor(async () => [...registry.getStates()][0]?.[1] === 'half-open');
    metrics.disable();
  });
});

describe('a failing listener of a breaker', () => {
  const options = {
    ...parseProtectOptions({ name: 'rooms' }),
    onOutcome: fail,
    onStateChange: fail,
  };

  it.each([
    ['a success', async () => 'booked', 'booked'],
    ['a failure', async () => Promise.reject(new Error('no rooms')), new Error('no rooms')],
  ])('is counted after %s', async (_, action, expected) => {
    const breaker = new Breaker(action, options);
    await expectFailure('the circuit breakers', async () => {
      const outcome = await breaker.call(undefined, []).catch((error: unknown) => error);
      expect(outcome).toEqual(expected);
    });
  });

  it('is counted when the breaker opens and is released', async () => {
    const breaker = new Breaker(async () => {}, options);
    await expectFailure('the circuit breakers', () => breaker.force());
    await expectFailure('the circuit breakers', () => breaker.release());
    expect(breaker.state).toBe('half-open');
  });

  it.each([
    ['rejects', async () => Promise.reject(new Error('no rooms')), { message: 'no rooms' }],
    ['times out', () => new Promise<void>(() => {}), { code: 'PS_BREAKER_TIMEOUT' }],
  ])('isFailure that throws is counted if the call %s', async (_, fn, expected) => {
    const protectedFn = new BreakerRegistry().protect(fn, {
      name: 'rooms',
      timeoutMs: 20,
      isFailure: fail,
    });
    const before = countFailures("the application's isFailure option");
    await expect(protectedFn()).rejects.toMatchObject(expected);
    expect(countFailures("the application's isFailure option")).toBeGreaterThan(before);
  });
});

describe('a failing outcome of a decision', () => {
  const decision: ActiveDecision = {
    id: 'd',
    seq: 1,
    rule: 'demand',
    event: 'demand.high',
    setting: 'price',
    status: 'set',
    value: 2,
    previous: 1,
    defaultValue: 1,
    facts: {},
    reason: '',
    remainingMs: 5,
  };

  it('is counted when the decision is applied and expires', async () => {
    const part = 'the business rules';
    const before = countFailures(part);
    const dispatcher = new DecisionDispatcher(fail, 1);
    const values: number[] = [];
    dispatcher.onRule('demand.high', ({ value }) => void values.push(value));
    dispatcher.dispatch([decision]);
    await waitFor(async () => countFailures(part) === before + 2);
    expect(values).toEqual([2, 1]);
  });

  it('is counted when a default value is retried', async () => {
    const part = 'the business rules';
    const before = countFailures(part);
    const dispatcher = new DecisionDispatcher(fail, 1);
    const values: number[] = [];
    const unsubscribe = dispatcher.onRule('demand.high', ({ value }) => {
      values.push(value);
      if (values.length === 2) throw Object.create(null);
    });
    dispatcher.dispatch([decision]);
    await waitFor(async () => countFailures(part) === before + 3);
    unsubscribe();
    expect(values).toEqual([2, 1, 1]);
  });
});

it('a failing health snapshot is counted, and the interval continues', async () => {
  const monitor = new SystemHealthMonitor({
    hostName: 'host',
    resource: { service: 's', instance: 'i' },
    host: { sample: fail } as unknown as HostSampler,
    eventLoop: { sample: fail } as unknown as EventLoopSampler,
    requests: new DurationStats(),
    queries: new DurationStats(),
    countConnections: () => undefined,
    thresholds: { responseTimeWarning: 1, responseTimeCritical: 2, errorRate: 3 },
    add: fail,
  });
  const before = countFailures('the health monitoring');
  expect(await monitor.getHealthSnapshot()).toMatchObject({ metrics: { gauges: {} } });
  monitor.startMonitoring(100);
  // Each snapshot has three failures: the host, the event loop, and the row.
  await waitFor(async () => countFailures('the health monitoring') >= before + 2 + 3 * 3);
  monitor.stopMonitoring();
});

it('failing rows of measurements and errors are counted, and nothing throws', async () => {
  const resource = { service: 's', instance: 'i' };
  const recorder = new MetricRecorder({
    resource,
    add: fail,
    strict: true,
    dropped: new DroppedRowCounter(),
    log: { info: fail, warn: fail, error: fail },
  });
  await expectFailure('recordMetric', () => recorder.recordMetric({ name: 'x', value: 1 }));
  await expectFailure('recordMetric', () => recorder.addBucketRows());
  await expectFailure('recordQueueMetric', () =>
    recorder.recordQueueMetric({ queueName: 'q', jobId: '1', status: 'failed' }),
  );
  let isFailing = false;
  const tracker = new ErrorTracker({ resource, add: () => isFailing && fail() });
  const error = { type: 'Error', message: 'no rooms', stack: undefined };
  for (let i = 0; i < 2; i++) tracker.track({ kind: 'uncaught', level: 'error', error });
  isFailing = true;
  await expectFailure('the error tracking', () => tracker.addCountRows());
});

it('a failing library hook is counted, and the library is loaded', async () => {
  const hooks = {};
  Object.defineProperty(hooks, 'patches', { get: fail });
  const library: Library = {
    name: 'timekeeper',
    category: 'framework',
    versions: { from: '2.0.0', to: 2 },
    measured: 'Nothing.',
    instrument: () => hooks,
  };
  new InstrumentationRegistry([library], createTestContext());
  await expectFailure('the library hook', () => {
    expect(createRequire(import.meta.url)('timekeeper')).toHaveProperty('freeze');
  });
});

it.each([
  ['throws', fail],
  ['is a Proxy that cannot be called', new Proxy(() => {}, { apply: fail })],
])('a tenant resolver that %s is counted', async (_, resolver) => {
  const reader = new TenantReader({}, () => {});
  reader.resolver = resolver as never;
  const request = new EventEmitter() as never;
  await expectFailure("the application's tenant resolver", () => {
    expect(reader.readTenant(request)).toBeUndefined();
  });
});

it('a tenant resolver that returns a promise is rejected, and its rejection is handled', () => {
  const rejected: string[] = [];
  const reader = new TenantReader({}, (field, reason) => void rejected.push(`${field} ${reason}`));
  reader.resolver = (async () => fail()) as never;
  expect(reader.readTenant({} as never)).toEqual({});
  expect(rejected).toEqual(['tenant is a promise']);
});
