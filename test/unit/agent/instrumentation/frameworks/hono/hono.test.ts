import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { HONO } from '../../../../../../src/agent/instrumentation/frameworks/hono/hono.ts';
import { getGuardFailures } from '../../../../../../src/core/guard.ts';
import { applyPatch, createTestContext } from '../../../../../support/instrumentation-context.ts';
import { createTestRequestState } from '../../../../../support/request-measurements.ts';

const require = createRequire(join(process.cwd(), 'test/libraries/hono-4/app.cjs'));
const contextPath = join(require.resolve('hono'), '../context.js');

interface Context {
  readonly req: { readonly path: string; readonly routePath: string };
  readonly env: unknown;
  text(text: string, status?: number): Response;
}
type Handler = (context: Context, next: () => Promise<void>) => unknown;
interface App {
  readonly routes: readonly { readonly handler: unknown }[];
  get(path: string, ...handlers: Handler[]): App;
  use(path: string, handler: Handler): App;
  onError(handler: (error: Error, context: Context) => Response): App;
  request(path: string, init?: RequestInit, env?: unknown): Promise<Response>;
}

/** Loads a copy of Hono, and patches it as the agent does. */
function loadHono(isPatched = true): {
  Hono: new () => App;
  context: { Context: new () => object };
} {
  for (const path of Object.keys(require.cache)) {
    if (path.includes('/node_modules/hono/')) delete require.cache[path];
  }
  const original = require(contextPath);
  const context = isPatched
    ? applyPatch(HONO, createTestContext(), 'dist/cjs/context.js', original)
    : original;
  require.cache[contextPath]!.exports = context;
  return { Hono: require('hono').Hono, context };
}

function createApp(isPatched?: boolean): App {
  const app = new (loadHono(isPatched).Hono)();
  app.use('*', async (_context, next) => next());
  app.get('/rooms/:id', (context) => context.text('room'));
  app.get('/fails/:id', () => {
    throw new Error('failed');
  });
  return app;
}

const failuresAtStart = JSON.stringify([...getGuardFailures()]);
afterEach(() => expect(JSON.stringify([...getGuardFailures()])).toBe(failuresAtStart));

describe('an app that no measured server serves', () => {
  it.each([
    ['no bindings', undefined],
    ['bindings of another platform', { KV: {}, incoming: 'none' }],
    ['frozen bindings', Object.freeze({})],
    ['a request that is not measured', { incoming: {} }],
  ])('responds as without the agent, with %s', async (_name, env) => {
    const describeApp = async (isPatched: boolean) => {
      const app = createApp(isPatched);
      app.onError((error, context) => context.text(error.message, 500));
      const responses = await Promise.all(
        ['/rooms/5', '/fails/5', '/unknown'].map((path) => app.request(path, {}, env)),
      );
      return Promise.all(responses.map(async (each) => [each.status, await each.text()]));
    };
    expect(await describeApp(true)).toEqual(await describeApp(false));
  });
});

describe('a measured request', () => {
  it('creates the same contexts as without the agent', async () => {
    const { Hono, context } = loadHono();
    const original = loadHono(false).context.Context;
    expect(context.Context.name).toBe(original.name);
    expect(context.Context).toHaveLength(original.length);
    class Subclass extends context.Context {}
    expect(new Subclass()).toBeInstanceOf(Subclass);
    const app = new Hono();
    const created: object[] = [];
    app.get('/', (each) => created.push(each) && each.text('ok'));
    await app.request('/');
    expect(created[0]).toBeInstanceOf(context.Context);
    expect(Object.getPrototypeOf(created[0])).toBe(context.Context.prototype);
    expect(Object.getOwnPropertySymbols(created[0])).toEqual([]);
  });

  it('keeps the handlers that the application can see', async () => {
    const handler: Handler = (context) => context.text('ok');
    const { Hono } = loadHono();
    const app = new Hono().get('/rooms/:id', handler);
    const incoming = { url: '/rooms/5' };
    const state = createTestRequestState(incoming);
    await app.request('/rooms/5', {}, { incoming });
    expect(state.route).toBe('/rooms/:id');
    expect(app.routes[0]!.handler).toBe(handler);
  });

  it('passes the arguments and the thrown values on', async () => {
    const { Hono } = loadHono();
    const app = new Hono();
    const thrown = new TypeError('thrown');
    const seen: unknown[] = [];
    app.use('*', async function (this: unknown, ...args: unknown[]) {
      seen.push(this, args.length);
      await (args[1] as () => Promise<void>)();
    } as Handler);
    app.get('/', async () => {
      throw thrown;
    });
    app.onError((error, context) => {
      seen.push(error);
      return context.text('caught', 500);
    });
    const incoming = { url: '/' };
    const state = createTestRequestState(incoming);
    const response = await app.request('/', {}, { incoming });
    expect(await response.text()).toBe('caught');
    expect(seen).toEqual([undefined, 2, thrown]);
    expect(seen[2]).toBe(thrown);
    expect(state.thrown).toBe(thrown);
  });

  it('keeps the first error', async () => {
    const { Hono } = loadHono();
    const app = new Hono();
    app.get('/', async () => {
      throw new Error('first');
    });
    app.onError(() => {
      throw new Error('second');
    });
    const incoming = { url: '/' };
    const state = createTestRequestState(incoming);
    await expect(app.request('/', {}, { incoming })).rejects.toThrow('second');
    expect(state.thrown).toMatchObject({ message: 'first' });
  });

  it('handles an app in a mounted path of another framework', async () => {
    const app = createApp();
    const incoming = { url: '/rooms/5', originalUrl: '/hotel/rooms/5?x=1' };
    const state = createTestRequestState(incoming);
    state.route = state.mountPath = '/:org';
    await app.request('/rooms/5', {}, { incoming });
    expect(state.route).toBe('/:org/rooms/:id');
  });
});

it('rejects a file without the class', () => {
  const patch = () => applyPatch(HONO, createTestContext(), 'dist/cjs/context.js', {});
  expect(patch).toThrow('class not found');
});
