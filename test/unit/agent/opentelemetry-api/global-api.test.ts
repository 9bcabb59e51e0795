import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { context, diag, metrics, trace } from '@opentelemetry/api';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GlobalApi } from '../../../../src/agent/opentelemetry-api/global-api.ts';
import { getActiveSpanContext } from '../../../../src/agent/opentelemetry-api/shared-api.ts';

const API_KEY = Symbol.for('opentelemetry.js.api.1');
const shared = globalThis as { [API_KEY]?: Record<string, unknown> };

const folder = mkdtempSync(join(tmpdir(), 'perfscope-api-'));
afterAll(() => rmSync(folder, { recursive: true }));

let registered: unknown[] = [];
let own: MeterProvider;
let api: GlobalApi | undefined;
let messages: string[] = [];

function install(): GlobalApi {
  api = new GlobalApi({ provider: own, onRegister: (provider) => registered.push(provider) });
  return api;
}

beforeEach(() => {
  own = new MeterProvider();
  registered = [];
  messages = [];
  delete shared[API_KEY];
});
afterEach(() => {
  api?.uninstall();
  delete shared[API_KEY];
});

const log = (message: string) => messages.push(message);
const logger = { error: log, warn: log, info: log, debug: log, verbose: log };

describe('without an SDK', () => {
  it('provides our meters to the API only', () => {
    const before = Object.getOwnPropertySymbols(globalThis);
    install();
    expect(metrics.getMeterProvider()).toBe(own);
    expect(shared[API_KEY]).toBeUndefined();
    expect(Object.getOwnPropertySymbols(globalThis)).toEqual(before);
    expect(Object.getOwnPropertyNames(globalThis)).not.toContain(API_KEY);
  });

  it('recognizes bundled copies, and not other functions', () => {
    install();
    function getGlobal$1() {
      return shared[API_KEY]?.metrics;
    }
    function getGlobalState() {
      return shared[API_KEY]?.metrics;
    }
    expect(getGlobal$1()).toBe(own);
    expect(getGlobalState()).toBeUndefined();
  });

  it('does not depend on changes to Error', () => {
    install();
    const { stackTraceLimit, prepareStackTrace } = Error;
    Error.stackTraceLimit = 0;
    Error.prepareStackTrace = () => {
      throw new Error('broken');
    };
    try {
      expect(metrics.getMeterProvider()).toBe(own);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
      Error.prepareStackTrace = prepareStackTrace;
    }
  });

  it('stops providing our meters after uninstall', () => {
    install().uninstall();
    expect(metrics.getMeterProvider()).not.toBe(own);
    expect(API_KEY in globalThis).toBe(false);
  });

  it.each([
    ['writable', 'exports.getGlobal = getGlobal;'],
    ['read-only', "Object.defineProperty(exports, 'getGlobal', { get: () => getGlobal });"],
  ])('recognizes each call of a CommonJS copy with %s exports', (name, code) => {
    const file = join(folder, `${name}.cjs`);
    const key = "globalThis[Symbol.for('opentelemetry.js.api.1')]";
    writeFileSync(file, `function getGlobal(type) { return ${key}?.[type]; }\n${code}`);
    const copy = createRequire(import.meta.url)(file) as { getGlobal(type: string): unknown };
    install();
    const results = Array.from({ length: 500 }, () => copy.getGlobal('metrics'));
    expect(new Set(results)).toEqual(new Set([own]));
  });

  it('does not inspect the calls of a writable CommonJS copy again', () => {
    const require = createRequire(import.meta.url);
    const copy = require('@opentelemetry/api') as typeof import('@opentelemetry/api');
    install();
    const results = Array.from({ length: 20_000 }, () => copy.metrics.getMeterProvider());
    expect(new Set(results)).toEqual(new Set([own]));
  });

  it('limits the number of inspected calls', () => {
    install();
    function getGlobal() {
      return shared[API_KEY]?.metrics;
    }
    const results = new Set(Array.from({ length: 5000 }, () => getGlobal()));
    expect(results).toEqual(new Set([own, undefined]));
  });
});

describe.each(['before', 'after'])('with an SDK that registers %s the agent', (order) => {
  it('returns the provider of the application', () => {
    const provider = new MeterProvider();
    if (order === 'after') install();
    expect(metrics.setGlobalMeterProvider(provider)).toBe(true);
    if (order === 'before') install();
    expect(metrics.getMeterProvider()).toBe(provider);
    expect(registered).toEqual([provider]);
    expect(api?.isRegistered(provider)).toBe(true);
    expect(Object.keys(shared[API_KEY]!)).toEqual(['version', 'metrics']);
  });

  it('refuses a duplicate registration like the API', () => {
    if (order === 'after') install();
    metrics.setGlobalMeterProvider(new MeterProvider());
    if (order === 'before') install();
    diag.setLogger(logger);
    expect(metrics.setGlobalMeterProvider(new MeterProvider())).toBe(false);
    expect(messages.join()).toContain('duplicate registration of API: metrics');
    diag.disable();
  });

  it('provides our meters again after the registration ends', () => {
    const [first, second] = [new MeterProvider(), new MeterProvider()];
    if (order === 'after') install();
    metrics.setGlobalMeterProvider(first);
    if (order === 'before') install();
    metrics.disable();
    expect(metrics.getMeterProvider()).toBe(own);
    expect(api?.isRegistered(first)).toBe(false);
    expect(metrics.setGlobalMeterProvider(second)).toBe(true);
    expect(metrics.getMeterProvider()).toBe(second);
    expect(registered).toEqual([first, second]);
  });

  it('provides our meters again after the shared object is deleted or replaced', () => {
    if (order === 'after') install();
    metrics.setGlobalMeterProvider(new MeterProvider());
    if (order === 'before') install();
    delete shared[API_KEY];
    expect(metrics.getMeterProvider()).toBe(own);
    const provider = new MeterProvider();
    metrics.setGlobalMeterProvider(provider);
    expect(metrics.getMeterProvider()).toBe(provider);
    const version = shared[API_KEY]?.version;
    const other = new MeterProvider();
    shared[API_KEY] = { version, metrics: other };
    expect(metrics.getMeterProvider()).toBe(other);
    expect(registered.at(-1)).toBe(other);
  });

  it('keeps the registration after uninstall', () => {
    const provider = new MeterProvider();
    if (order === 'after') install();
    metrics.setGlobalMeterProvider(provider);
    if (order === 'before') install();
    api?.uninstall();
    expect(metrics.getMeterProvider()).toBe(provider);
    metrics.disable();
    expect(metrics.getMeterProvider()).not.toBe(own);
    expect(metrics.setGlobalMeterProvider(new MeterProvider())).toBe(true);
  });
});

it('provides our meters if the application registers only a tracer and a logger', () => {
  install();
  diag.setLogger(logger);
  expect(metrics.getMeterProvider()).toBe(own);
  const provider = { getTracer: () => ({}) };
  expect(trace.setGlobalTracerProvider(provider as never)).toBe(true);
  expect(metrics.getMeterProvider()).toBe(own);
  const meters = new MeterProvider();
  expect(metrics.setGlobalMeterProvider(meters)).toBe(true);
  expect(metrics.getMeterProvider()).toBe(meters);
  expect(Object.keys(shared[API_KEY]!)).toEqual(['version', 'diag', 'trace', 'metrics']);
  expect(messages.filter((message) => !message.includes('Registered a global'))).toEqual([]);
  trace.disable();
  diag.disable();
});

it('accepts a frozen shared object and values that are not objects', () => {
  install();
  const { version } = JSON.parse(
    readFileSync('node_modules/@opentelemetry/api/package.json', 'utf8'),
  );
  const frozen = Object.freeze({ version });
  shared[API_KEY] = frozen;
  expect(shared[API_KEY]).toBe(frozen);
  expect(metrics.setGlobalMeterProvider.bind(metrics, own)).toThrow(TypeError);
  shared[API_KEY] = undefined;
  expect(shared[API_KEY]).toBeUndefined();
});

it('reads the active span from the context of the application', () => {
  install();
  expect(getActiveSpanContext()).toBeUndefined();
  const spanContext = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 };
  const active = trace.setSpanContext(context.active(), spanContext);
  const manager = { active: () => active, with: () => {}, enable() {}, disable() {} };
  context.setGlobalContextManager(manager as never);
  expect(getActiveSpanContext()).toEqual(spanContext);
  manager.active = () => {
    throw new Error('broken');
  };
  expect(getActiveSpanContext()).toBeUndefined();
});
