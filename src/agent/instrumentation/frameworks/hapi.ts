import type { IncomingMessage, ServerResponse } from 'node:http';
import { types } from 'node:util';
import { guard } from '../../../core/guard.ts';
import type { Library } from '../loading/library.ts';
import {
  copyFunctionProperties,
  type Method,
  type MethodRecord,
  observeMethod,
  observePromise,
  wrapMethod,
} from '../loading/method-patching.ts';
import { isClosedByPeer } from '../requests/connection-close.ts';
import { getRequestState } from '../requests/request-state.ts';

/** What fails, for {@link guard}. */
const PART = 'the Hapi instrumentation';

interface HapiRequest {
  readonly raw: { readonly req: IncomingMessage; readonly res: ServerResponse };
  readonly route: {
    /** Template with the prefix of the plugin, such as `/rooms/{id}`. */
    readonly path: string;
    readonly settings: {
      /** Whether the route is Hapi's own route for unknown paths. */
      readonly isInternal?: boolean;
    };
  };
}

/** A response, or an error. Hapi turns each thrown value into an error with a status. */
interface HapiResponse {
  readonly isBoom?: boolean;
  readonly isServer?: boolean;
}

/**
 * Reads the route when Hapi has found it, and errors before an extension can replace them. The server's `response`
 * event isn't used, because Hapi emits it after the request has ended, and only for servers that have a listener.
 */
export const HAPI: Library = {
  name: '@hapi/hapi',
  category: 'framework',
  versions: { from: '20.0.0', to: 21 },
  measured:
    'Route templates with all prefixes, and errors that handlers, prerequisites, extensions, and authentication throw. Errors with a 4xx status are not failures.',
  bundledMessages: ['onRequest extension methods must return an error'],
  instrument: () => ({
    patches: {
      'lib/request.js': (exports) => {
        const { prototype } = exports as { prototype: MethodRecord };
        observeMethod<HapiRequest>(PART, prototype, '_lookup', { after: storeRoute });
        observeMethod<HapiRequest>(PART, prototype, '_setResponse', {
          before: (request, args) => storeError(request, args[0] as HapiResponse | undefined),
        });
      },
      'lib/toolkit.js': (exports, { version }) => {
        if (version.startsWith('20.')) observeMethods((exports as { Manager: Method }).Manager);
      },
    },
  }),
};

function storeRoute({ raw, route }: HapiRequest): void {
  const state = getRequestState(raw.req);
  if (state === undefined) return;
  state.hasFramework = true;
  state.route = route.settings.isInternal ? undefined : route.path;
}

/** Hapi also sets errors with a 4xx status. Those are responses. */
function storeError({ raw }: HapiRequest, response: HapiResponse | undefined): void {
  if (response?.isBoom !== true || response.isServer !== true) return;
  const state = getRequestState(raw.req);
  if (state === undefined) return;
  state.thrown ??= response;
  const { socket, headersSent } = raw.res;
  // A write to a closed connection can fail too.
  if (headersSent && !(socket && isClosedByPeer(socket))) state.hasFailedAfterHeaders = true;
}

/** Errors of the language. Version 20 replaces them by copies that have no stack on current versions of Node.js. */
const COPIED_ERRORS = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];

const storeOriginal = guard(PART, (request: HapiRequest, error: unknown) => {
  if (!COPIED_ERRORS.some((each) => error instanceof each)) return;
  const state = getRequestState(request.raw.req);
  if (state) state.thrown ??= error;
});

/** Handlers and the functions that replace them. */
const observedMethods = new WeakMap<Method, Method>();

const observeMethodOnce = guard(PART, (method: Method): Method => {
  const existing = observedMethods.get(method);
  if (existing) return existing;
  const observed: Method = function (this: unknown, ...args: unknown[]) {
    const request = args[0] as HapiRequest;
    let result: unknown;
    try {
      result = method.apply(this, args);
    } catch (error) {
      storeOriginal(request, error);
      throw error;
    }
    if (!types.isPromise(result)) return result;
    return observePromise(result, ignore, (error) => storeOriginal(request, error));
  };
  copyFunctionProperties(method, observed);
  observedMethods.set(method, observed);
  return observed;
});

/** Observes the handlers, extensions, and other functions that Hapi calls for a request. */
function observeMethods({ prototype }: Method): void {
  wrapMethod(prototype as object, 'execute', (original) => {
    return function execute(this: unknown, method: Method, ...args: unknown[]) {
      return original.call(this, observeMethodOnce(method) ?? method, ...args);
    };
  });
}

function ignore(): void {}
