import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Agent } from '../../../../../src/agent/agent.ts';
import { toMetricRows } from '../../../../../src/agent/export/otel-metric-rows.ts';
import {
  createJobRun,
  type Tenant,
} from '../../../../../src/agent/instrumentation/context/caller.ts';
import { runJob } from '../../../../../src/agent/instrumentation/context/tenant-context.ts';
import { FunctionRecorder } from '../../../../../src/agent/instrumentation/functions/function-recorder.ts';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { markRegistered } from '../../../../../src/agent/registered.ts';
import { setSharedAgent } from '../../../../../src/agent/shared-agent.ts';
import { traced, traceFunction, traceStep } from '../../../../../src/index.ts';

const { transformSync } = createRequire(resolve('test/libraries/bundlers/package.json'))(
  'esbuild',
) as { transformSync: (text: string, options: object) => { code: string } };

let histograms: HistogramRegistry;
beforeAll(() => markRegistered());
beforeEach(() => {
  histograms = new HistogramRegistry(() => {});
  setSharedAgent({ functionRecorder: new FunctionRecorder(histograms) } as Agent);
});

/** Returns the number of calls by function, class of the error, and organization. */
function takeCounts(): Record<string, number> {
  const { metrics } = toMetricRows(histograms.collectDelta(Date.now()), {
    service: 's',
    instance: 'i',
  });
  return Object.fromEntries(
    metrics.map(({ operation, errorType, organizationId, count = 0 }) => [
      [operation, errorType, organizationId].filter(Boolean).join(' '),
      count,
    ]),
  );
}

describe('a traced function', () => {
  it('has the name, length, properties, `this`, and arguments of the function', () => {
    const find = vi.fn(function find(this: unknown, a: number, b: number) {
      return [this, a, b];
    });
    const wrapped = traceFunction('rooms.find', Object.assign(find, { description: 'finds' }));
    const self = {};
    expect(wrapped.call(self, 1, 2)).toEqual([self, 1, 2]);
    expect(find).toHaveBeenCalledOnce();
    expect(wrapped.name).toBe(find.name);
    expect(wrapped.length).toBe(find.length);
    expect(wrapped.description).toBe('finds');
    expect(takeCounts()).toEqual({ 'rooms.find': 1 });
  });

  it('belongs to the tenant of a job', async () => {
    const tenant: Tenant = { organizationId: 'grand' };
    const send = traceFunction('send', async () => 'sent');
    expect(await runJob(createJobRun('mail', 'send', tenant), send)).toBe('sent');
    expect(takeCounts()).toEqual({ 'send grand': 1 });
  });

  it('has the class of the error of a rejected promise', async () => {
    const reject = (error: unknown) => traceStep('reject', () => Promise.reject(error));
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('hostile');
        },
      },
    );
    for (const error of [new TypeError('x'), 'text', undefined, hostile, { name: 'a b' }]) {
      const result = await reject(error).then(
        () => 'fulfilled',
        (reason: unknown) => reason === error,
      );
      expect(result).toBe(true);
    }
    expect(takeCounts()).toEqual({ 'reject TypeError': 1, 'reject _OTHER': 4 });
  });

  it('is recorded when the iteration of a generator ends or fails', () => {
    const count = traceFunction('count', function* count(n: number) {
      for (let i = 0; i < n; i++) yield i;
      if (n === 2) throw new RangeError('two');
    });
    const open = count(3);
    open.next();
    expect(takeCounts()).toEqual({});
    open.return();
    expect([...count(3)]).toEqual([0, 1, 2]);
    expect(() => [...count(2)]).toThrow('two');
    expect(takeCounts()).toEqual({ count: 2, 'count _OTHER': 1 });
  });

  it('needs a name', () => {
    const invalid = expect.objectContaining({ code: 'PS_ARGUMENT_INVALID' }) as Error;
    expect(() => traceFunction(() => {})).toThrow(invalid);
    expect(() => traceFunction('', () => {})).toThrow(invalid);
    expect(() => traceStep('', () => {})).toThrow(invalid);
  });
});

it('combines names over the limit into one series, and the counts stay exact', () => {
  for (let i = 0; i < 5000; i++) traceStep(`step ${i}`, () => i);
  const counts = takeCounts();
  expect(Object.keys(counts)).toHaveLength(1901);
  expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(5000);
});

/** Methods of each kind. The names of the calls are below. */
const SOURCE = `
class Rooms {
  @traced() find(id: number) { return [this, id]; }
  @traced('rooms.load') async load() { return 'loaded'; }
  @traced() static create() { return new this(); }
  @traced() get size() { return 3; }
  @traced() async *list() { yield 1; }
  @traced() override() { return 'base'; }
}
class Suites extends Rooms {
  override() { return super.override(); }
}
`;
/** Only standard decorators can decorate these. */
const STANDARD_SOURCE = `
class Prices {
  @traced() book = (id: number) => id;
  @traced() #read() { return 'private'; }
  read() { return this.#read(); }
}
`;
const NAMES = {
  'Rooms.find': 2,
  'rooms.load': 1,
  'Rooms.create': 1,
  'Rooms.size': 1,
  'Rooms.list': 1,
  'Rooms.override': 1,
};

interface Room {
  find(id: number): unknown;
  load(): Promise<string>;
  readonly size: number;
  list(): AsyncIterable<number>;
  override(): string;
}
interface Classes {
  readonly Rooms: { create(): Room };
  readonly Suites: new () => Room;
  readonly Prices?: new () => { book(id: number): number; read(): string };
}

function compile(source: string, experimentalDecorators: boolean): Classes {
  const compilerOptions = { experimentalDecorators };
  const { code } = transformSync(source, {
    loader: 'ts',
    target: 'es2022',
    tsconfigRaw: { compilerOptions },
  });
  const names = '{ Rooms, Suites, Prices: typeof Prices === "undefined" ? undefined : Prices }';
  return new Function('traced', `${code}; return ${names};`)(traced) as Classes;
}

async function callMethods({ Rooms, Suites }: Classes): Promise<void> {
  const room = Rooms.create();
  expect(room.find(7)).toEqual([room, 7]);
  expect(new Suites().find(8)).toHaveLength(2);
  expect(await room.load()).toBe('loaded');
  expect(room.size).toBe(3);
  for await (const each of room.list()) expect(each).toBe(1);
  expect(new Suites().override()).toBe('base');
}

describe('the decorator', () => {
  it('records methods with experimentalDecorators', async () => {
    await callMethods(compile(SOURCE, true));
    expect(takeCounts()).toEqual(NAMES);
  });

  it('records methods as a standard decorator', async () => {
    const classes = compile(SOURCE + STANDARD_SOURCE, false);
    await callMethods(classes);
    const prices = new classes.Prices!();
    expect(prices.book(7)).toBe(7);
    expect(prices.read()).toBe('private');
    expect(takeCounts()).toEqual({ ...NAMES, 'Prices.book': 1, 'Prices.#read': 1 });
  });

  it('keeps the metadata of other decorators', async () => {
    createRequire(resolve('test/libraries/package.json'))('reflect-metadata');
    const { defineMetadata, getMetadata } = Reflect as unknown as {
      defineMetadata(key: string, value: unknown, target: object): void;
      getMetadata(key: string, target: object): unknown;
    };
    const descriptor: PropertyDescriptor = { value: () => {}, configurable: true };
    defineMetadata('path', '/rooms', descriptor.value as object);
    traced()({}, 'find', descriptor);
    expect(getMetadata('path', descriptor.value as object)).toBe('/rooms');
  });

  it('rejects classes and parameters', () => {
    const invalid = expect.objectContaining({ code: 'PS_ARGUMENT_INVALID' }) as Error;
    expect(() => compile('@traced() class Rooms {} class Suites {}', false)).toThrow(invalid);
    expect(() => compile('@traced() class Rooms {} class Suites {}', true)).toThrow(invalid);
    expect(() => traced('')).toThrow(invalid);
  });
});
