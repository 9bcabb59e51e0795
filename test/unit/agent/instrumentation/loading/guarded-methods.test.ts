import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { beforeEach, describe, expect, it, type Mock, vi } from 'vitest';
import { runWithTenant } from '../../../../../src/agent/instrumentation/context/tenant-context.ts';
import { MYSQL2 } from '../../../../../src/agent/instrumentation/databases/mysql2/mysql2.ts';
import {
  PG,
  PG_POOL,
} from '../../../../../src/agent/instrumentation/databases/postgres/postgres.ts';
import { POSTGRES_JS } from '../../../../../src/agent/instrumentation/databases/postgres/postgres-js.ts';
import { EXPRESS } from '../../../../../src/agent/instrumentation/frameworks/express/express.ts';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { BULLMQ } from '../../../../../src/agent/instrumentation/queues/bullmq/bullmq.ts';
import { countFailures, createFailingMeter, fail } from '../../../../support/failing-meter.ts';
import { createHostileProxy } from '../../../../support/hostile-values.ts';
import { applyPatch, createTestContext } from '../../../../support/instrumentation-context.ts';
import { createTestRequestState } from '../../../../support/request-measurements.ts';

/** A method of a library after it was patched, with arguments for which the agent's code fails. */
interface PatchedMethod {
  /** Object with the patched method, and the name of the method. */
  owner: object;
  name: string;
  /** The mock that was patched. */
  original: Mock;
  self: object;
  args: unknown[];
  part: string;
}

/** Creates a class whose methods and static methods are mocks. */
function createLibrary(methods: readonly string[], staticMethods: readonly string[] = []) {
  const Library = class {};
  const originals: Record<string, Mock> = {};
  for (const name of [...methods, ...staticMethods]) originals[name] = vi.fn();
  for (const name of methods) define(Library.prototype, name, originals[name]);
  for (const name of staticMethods) define(Library, name, originals[name]);
  return { Library, originals };
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true });
}

function createObject(prototype: object, getters: readonly string[] = []): object {
  const object = Object.create(prototype) as object;
  for (const name of getters) Object.defineProperty(object, name, { get: fail });
  return object;
}

/** Arguments with which the observer of a method fails. Default: a hostile object. */
const BULLMQ_ARGUMENTS: Record<string, unknown[]> = {
  emit: ['active', createHostileProxy()],
  processJob: ['not an object'],
};

function patchBullmq(): PatchedMethod[] {
  const methods = {
    Job: [
      'asJSON',
      'moveToDelayed',
      'moveToWaitingChildren',
      'moveToWait',
      'moveToCompleted',
      'moveToFailed',
      'promote',
      'changeDelay',
      'retry',
    ],
    Worker: ['emit', 'run', 'processJob', 'handleFailed', 'getNextJob', 'callProcessJob'],
    FlowProducer: ['add', 'addBulk', 'queueFromNode'],
    QueueBase: ['waitUntilReady'],
  };
  const files = {
    Job: 'job',
    Worker: 'worker',
    FlowProducer: 'flow-producer',
    QueueBase: 'queue-base',
  };
  const job = createLibrary(methods.Job, ['create', 'createBulk', 'fromJSON']);
  const libraries = {
    Job: job,
    Worker: createLibrary(methods.Worker),
    FlowProducer: createLibrary(methods.FlowProducer),
    QueueBase: createLibrary(methods.QueueBase),
  };
  const context = createTestContext({
    queues: {
      onTransition: fail,
      gauges: { add: fail },
      includeJobData: true,
      usesMessageHeaders: true,
      readSqsDepth: true,
    },
  });
  const { patches = {} } = BULLMQ.instrument!(context);
  for (const [name, file] of Object.entries(files)) {
    const { Library } = libraries[name as 'Job'];
    const path = `dist/cjs/classes/${file}.js`;
    patches[path]!({ [name]: Library }, { version: '6.0.0', path, folder: '' });
  }
  const part = 'the BullMQ instrumentation';
  const toMethod = (
    library: ReturnType<typeof createLibrary>,
    name: string,
    owner: object,
  ): PatchedMethod => ({
    owner,
    name,
    original: library.originals[name]!,
    self: createObject(library.Library.prototype, ['queueName', 'name', 'opts']),
    args: BULLMQ_ARGUMENTS[name] ?? [createHostileProxy()],
    part: name === 'callProcessJob' ? 'the context of jobs' : part,
  });
  return [
    ...Object.entries(methods).flatMap(([name, names]) =>
      names.map((method) => {
        const library = libraries[name as 'Job'];
        return toMethod(library, method, library.Library.prototype);
      }),
    ),
    ...['create', 'createBulk', 'fromJSON'].map((name) => ({
      ...toMethod(job, name, job.Library),
      self: job.Library,
    })),
  ];
}

function patchPostgres(): PatchedMethod[] {
  const part = 'the PostgreSQL instrumentation';
  const client = createLibrary(['query', '_pulseQueryQueue', '_connect']);
  const native = createLibrary(['handleError', 'emit']);
  const pool = createLibrary(['connect', 'newClient', 'query']);
  const query = createLibrary(['handleCommandComplete', 'handleError', 'handleReadyForQuery']);
  const meter = createFailingMeter([]);
  const histograms = new HistogramRegistry(() => {});
  const context = createTestContext({ histograms, meter, onQuery: fail, onFailedConnect: fail });
  applyPatch(PG, context, 'lib/native/query.js', native.Library);
  applyPatch(PG, context, 'lib/client.js', client.Library);
  applyPatch(PG_POOL, context, '', pool.Library);
  // Attaches a statement to a query, which also patches the methods of the query.
  const statement = createObject(query.Library.prototype);
  const sender = Object.assign(createObject(client.Library.prototype), {
    _queryQueue: [statement],
  });
  client.originals.query!.mockImplementationOnce(function (this: { _pulseQueryQueue(): void }) {
    this._pulseQueryQueue();
  });
  (sender as unknown as { query(text: string): void }).query('SELECT 1');
  client.originals._pulseQueryQueue!.mockClear();
  client.originals.query!.mockClear();
  const clientMethod = { owner: client.Library.prototype, part };
  return [
    {
      ...clientMethod,
      name: 'query',
      original: client.originals.query!,
      self: createObject(client.Library.prototype, ['connectionParameters']),
      args: ['SELECT 1', 2],
    },
    {
      part: 'the PostgreSQL connection metrics',
      owner: client.Library.prototype,
      name: '_connect',
      original: client.originals._connect!,
      self: createObject(client.Library.prototype, ['connectionParameters']),
      args: [() => {}],
    },
    {
      part,
      owner: native.Library.prototype,
      name: 'handleError',
      original: native.originals.handleError!,
      self: createObject(native.Library.prototype, ['native']),
      args: [createHostileProxy()],
    },
    {
      part: 'the PostgreSQL pool metrics',
      owner: pool.Library.prototype,
      name: 'connect',
      original: pool.originals.connect!,
      self: createObject(pool.Library.prototype, ['options']),
      args: [],
    },
    {
      part,
      owner: query.Library.prototype,
      name: 'handleError',
      original: query.originals.handleError!,
      self: statement,
      args: [createHostileProxy()],
    },
  ];
}

function patchMysqlAndPostgresJs(): PatchedMethod[] {
  const connection = createLibrary([
    'query',
    'execute',
    'format',
    'addCommand',
    '_addCommandClosedState',
    '_notifyError',
  ]);
  const pool = createLibrary(['getConnection']);
  const query = createLibrary(['handle']);
  const context = createTestContext();
  applyPatch(MYSQL2, context, 'lib/connection.js', connection.Library);
  applyPatch(MYSQL2, context, 'lib/pool.js', pool.Library);
  applyPatch(POSTGRES_JS, context, 'cjs/src/query.js', { Query: query.Library });
  // The patches of `query` and `format` use no property of the arguments, so they can't fail.
  const connectionMethods = ['addCommand', '_addCommandClosedState', '_notifyError'];
  return [
    ...connectionMethods.map((name) => ({
      part: 'the MySQL instrumentation',
      owner: connection.Library.prototype,
      name,
      original: connection.originals[name]!,
      self: createObject(connection.Library.prototype, ['_fatalError', '_command', 'config']),
      args: [createHostileProxy()],
    })),
    {
      part: 'the MySQL pool metrics',
      owner: pool.Library.prototype,
      name: 'getConnection',
      original: pool.originals.getConnection!,
      self: createObject(pool.Library.prototype, ['config']),
      args: [() => {}],
    },
    {
      part: 'the postgres.js instrumentation',
      owner: query.Library.prototype,
      name: 'handle',
      original: query.originals.handle!,
      self: createObject(query.Library.prototype, ['executed']),
      args: [],
    },
  ];
}

function patchExpress(): PatchedMethod[] {
  const part = 'the Express instrumentation';
  const router = createLibrary(['use', 'route', 'handle']);
  const layer = createLibrary(['handleRequest', 'handleError']);
  const sampleLayer = createObject(layer.Library.prototype);
  const create = () =>
    Object.assign(createObject(router.Library.prototype), { stack: [sampleLayer] });
  applyPatch(EXPRESS, createTestContext(), '', create);
  for (const original of Object.values(router.originals)) original.mockReset();
  // Adds a route to the layer.
  const withLayer = Object.assign(create(), { stack: [] as object[] });
  router.originals.use!.mockImplementationOnce(() => void withLayer.stack.push(sampleLayer));
  (withLayer as unknown as { use(path: string): void }).use('/rooms');
  router.originals.use!.mockClear();
  // The agent can't change the state of this request.
  const request = {} as IncomingMessage;
  const response = {} as ServerResponse;
  const state = createTestRequestState(request, response);
  for (const name of ['route', 'router', 'mountPath', 'thrown', 'hasFramework'])
    Object.defineProperty(state, name, { get: () => undefined, set: fail });
  const next = () => {};
  const routerMethod = { part, owner: router.Library.prototype, args: [request, response, next] };
  const layerMethod = { part, owner: layer.Library.prototype, self: sampleLayer };
  const hostileRouter = createObject(router.Library.prototype, ['stack']);
  const error = new Error('no rooms');
  return [
    { ...routerMethod, name: 'use', original: router.originals.use!, self: hostileRouter },
    { ...routerMethod, name: 'route', original: router.originals.route!, self: hostileRouter },
    { ...routerMethod, name: 'handle', original: router.originals.handle!, self: hostileRouter },
    {
      ...layerMethod,
      name: 'handleRequest',
      original: layer.originals.handleRequest!,
      args: [request, response, next],
    },
    {
      ...layerMethod,
      name: 'handleError',
      original: layer.originals.handleError!,
      args: [error, request, response, next],
    },
  ];
}

const METHODS = [
  ...patchExpress(),
  ...patchPostgres(),
  ...patchMysqlAndPostgresJs(),
  ...patchBullmq(),
];

function call({ owner, name, self, args }: PatchedMethod): unknown {
  return Reflect.apply(Reflect.get(owner, name), self, args);
}

function callWithTenant(method: PatchedMethod, before: () => void): unknown {
  return runWithTenant({ organizationId: 'a' }, () => {
    before();
    return call(method);
  });
}

beforeEach(() => {
  for (const { original } of METHODS) original.mockReset();
  vi.restoreAllMocks();
});

describe.each(METHODS.map((method) => [`${method.part}: ${method.name}`, method] as const))(
  '%s',
  (_, method) => {
    // The context is the only code of the agent that runs around a job.
    const breakContext = () => {
      if (method.part !== 'the tenant context') return;
      vi.spyOn(AsyncLocalStorage.prototype, 'enterWith').mockImplementation(fail);
    };

    it('calls the original once, with the same `this` and arguments, if the agent fails', () => {
      const before = countFailures(method.part);
      const result = createObject({}, ['opts', 'job', 'queueName']);
      method.original.mockReturnValue(result);
      expect(callWithTenant(method, breakContext) === result).toBe(true);
      expect(method.original).toHaveBeenCalledOnce();
      expect(method.original.mock.contexts[0] === method.self).toBe(true);
      const received = method.original.mock.calls[0]!;
      expect(received).toHaveLength(method.args.length);
      for (const [i, arg] of method.args.entries()) {
        // Callbacks can be wrapped.
        if (typeof arg !== 'function' || i === 0) expect(received[i] === arg).toBe(true);
      }
      expect(countFailures(method.part)).toBeGreaterThan(before);
    });

    it('passes the error of the original to the caller', () => {
      const error = new Error('the library fails');
      method.original.mockImplementation(() => {
        throw error;
      });
      expect(() => callWithTenant(method, breakContext)).toThrow(error);
      expect(method.original).toHaveBeenCalledOnce();
    });

    it('passes a rejection of the original to the caller', async () => {
      const error = new Error('the library fails');
      method.original.mockReturnValue(Promise.reject(error));
      await expect(callWithTenant(method, breakContext)).rejects.toBe(error);
    });
  },
);

it.each(['create', 'createBulk', 'moveToDelayed', 'moveToWaitingChildren', 'add', 'addBulk'])(
  '%s resolves with the same value if the agent fails',
  async (name) => {
    const method = METHODS.find((each) => each.name === name)!;
    const value = [{}];
    method.original.mockResolvedValue(value);
    expect(await call(method)).toBe(value);
  },
);

it('the callback of a router runs once if the agent fails', () => {
  const { owner, original } = METHODS.find(({ name }) => name === 'handle')!;
  const request = {} as IncomingMessage;
  const response = createObject({}, ['headersSent']) as ServerResponse;
  createTestRequestState(request, response);
  const out = vi.fn(() => 'answered');
  original.mockImplementation((_request, _response, next: () => unknown) => next());
  const before = countFailures('the Express instrumentation');
  expect(Reflect.apply(Reflect.get(owner, 'handle'), {}, [request, response, out])).toBe(
    'answered',
  );
  expect(out).toHaveBeenCalledOnce();
  expect(countFailures('the Express instrumentation')).toBe(before + 1);
});

it('a query is sent if its queue cannot be read', () => {
  const { owner, original, part } = METHODS.find(({ name }) => name === 'query')!;
  const client = createObject(owner, ['_queryQueue']);
  original.mockImplementation(function (this: { _pulseQueryQueue(): void }) {
    this._pulseQueryQueue();
    return 'sent';
  });
  const before = countFailures(part);
  expect(Reflect.apply(Reflect.get(owner, 'query'), client, ['SELECT 1'])).toBe('sent');
  expect(countFailures(part)).toBe(before + 1);
});

it('a query whose getters throw is sent, and is not reported as a failure of the agent', () => {
  const { owner, original, part } = METHODS.find(({ name }) => name === 'query')!;
  original.mockReturnValue('sent');
  const before = countFailures(part);
  const query = createHostileProxy();
  expect(Reflect.apply(Reflect.get(owner, 'query'), createObject(owner), [query])).toBe('sent');
  expect(countFailures(part)).toBe(before);
});

it('a callback keeps working if the tenant context fails', () => {
  const { owner, original, self } = METHODS.find(({ name }) => name === 'query')!;
  let callback: (() => unknown) | undefined;
  original.mockImplementation((_text, given) => {
    callback = given;
  });
  const onRows = vi.fn(() => 'rows');
  runWithTenant({ organizationId: 'a' }, () => {
    Reflect.apply(Reflect.get(owner, 'query'), Object.create(Object.getPrototypeOf(self)), [
      'SELECT 1',
      onRows,
    ]);
  });
  vi.spyOn(AsyncLocalStorage.prototype, 'enterWith').mockImplementation(fail);
  expect(callback?.()).toBe('rows');
  expect(onRows).toHaveBeenCalledOnce();
});

it('a method keeps its name, length, and properties', () => {
  for (const { owner, name, original } of METHODS) {
    const patched = Reflect.get(owner, name) as Mock;
    expect(patched.name).toBe(original.name);
    expect(patched.length).toBe(original.length);
    expect(patched.mock).toBe(original.mock);
  }
});
