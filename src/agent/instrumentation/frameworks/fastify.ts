import type { IncomingMessage, ServerResponse } from 'node:http';
import { guard } from '../../../core/guard.ts';
import type { Library } from '../loading/library.ts';
import {
  type Method,
  type MethodRecord,
  observeMethod,
  wrapMethod,
} from '../loading/method-patching.ts';
import { isClosedByPeer } from '../requests/connection-close.ts';
import { NOT_FOUND } from '../requests/name-route.ts';
import { getRequestState } from '../requests/request-state.ts';
import { publishUpgradeRoute } from '../requests/upgrade-route.ts';

/** What fails, for {@link guard}. */
const PART = 'the Fastify instrumentation';

/** The part of a route that its requests get (lib/context.js). */
interface RouteContext {
  /** `url` is the template with all prefixes. Undefined for the handler of unknown paths. */
  readonly config?: { readonly url?: unknown } | undefined;
}

interface FastifyReply {
  readonly request: { readonly raw: IncomingMessage };
  readonly raw: ServerResponse;
}

/**
 * Reads the route when Fastify creates its request, before any hook, and errors before any error handler. The channel
 * `fastify.initialization` isn't used: its hooks appear in the output of `printRoutes`. The channels of handlers
 * don't cover requests that end in a hook, errors of hooks, and `reply.send(error)`.
 */
export const FASTIFY: Library = {
  name: 'fastify',
  category: 'framework',
  versions: { from: '4.0.0', to: 5 },
  measured:
    'Route templates with all prefixes, and errors that hooks and handlers throw or send. Errors are recorded before error handlers run.',
  bundledMessages: ['Trying to send a NotFound error inside a 404 handler'],
  instrument: () => ({
    patches: { 'lib/request.js': patchRequest, 'lib/error-handler.js': patchErrorHandler },
  }),
};

/**
 * Observes the base class, which apps without decorators use, and the classes that Fastify creates for an app and for
 * each plugin. A created class never calls the constructor of its base class.
 */
function patchRequest(exports: unknown): unknown {
  const RequestClass = exports as Method;
  wrapMethod(RequestClass, 'buildRequest', (original) => {
    return function buildRequest(this: unknown, ...args: unknown[]) {
      const created = original.apply(this, args);
      return tryToObserve(created) ?? created;
    };
  });
  return observeRequestClass(RequestClass);
}

const storeRoute = guard(PART, (raw: IncomingMessage, context: RouteContext) => {
  const state = getRequestState(raw);
  const url = context.config?.url;
  const route = typeof url === 'string' ? url : undefined;
  if (state === undefined) {
    publishUpgradeRoute(raw, route ?? NOT_FOUND);
    return;
  }
  state.hasFramework = true;
  state.route = route;
});

/**
 * Returns a constructor with the same prototype and properties. Decorators of the application change these, and
 * Fastify copies them to the request classes of plugins.
 */
function observeRequestClass(RequestClass: Method): Method {
  const Observed: Method = function (id, params, raw, query, log, context) {
    RequestClass.call(this, id, params, raw, query, log, context);
    storeRoute(raw, context);
  };
  Observed.prototype = RequestClass.prototype;
  Object.defineProperty(Observed, 'name', { value: RequestClass.name, configurable: true });
  return Object.setPrototypeOf(Observed, RequestClass) as Method;
}

const tryToObserve = guard(PART, observeRequestClass);

/** Fastify passes each error to `handleError`, before the application's error handlers. */
function patchErrorHandler(exports: unknown): void {
  observeMethod(PART, exports as MethodRecord, 'handleError', { before: storeError });
}

function storeError(_exports: unknown, args: readonly unknown[]): void {
  const [{ request, raw: response }, error] = args as [FastifyReply, unknown];
  const state = getRequestState(request.raw);
  if (state === undefined) return;
  state.thrown ??= error;
  const { socket } = response;
  // A write to a closed connection can fail too.
  if (response.headersSent && !(socket && isClosedByPeer(socket))) {
    state.hasFailedAfterHeaders = true;
  }
}
