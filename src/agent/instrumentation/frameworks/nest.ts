import type { Library } from '../loading/library.ts';
import { observeMethod } from '../loading/method-patching.ts';
import { isClosedByPeer } from '../requests/connection-close.ts';
import { getRequestState } from '../requests/request-state.ts';

/** What fails, for {@link guard}. */
const PART = 'the NestJS instrumentation';

/** Handles the exceptions of guards, pipes, interceptors, and handlers of HTTP requests. */
interface ExceptionsHandlerClass {
  readonly prototype: object;
}

/** The arguments of the handler. The first one is the request of Express, Fastify, or Node.js. */
interface ArgumentsHost {
  getArgByIndex(index: number): unknown;
}

interface ExpressRequest {
  readonly method?: string;
  readonly url?: string;
  readonly originalUrl?: string;
}

/**
 * Stores the exceptions that Nest passes to its exception filters. A filter turns an exception into a response, so
 * Express and Fastify never receive the exception. They provide the route.
 */
export const NEST: Library = {
  name: '@nestjs/core',
  category: 'framework',
  versions: { from: '10.0.0', to: 12 },
  measured:
    'Exceptions in HTTP requests, including exceptions that an exception filter handles. Express or Fastify provides the route.',
  limits: 'Errors in GraphQL, WebSocket, and microservice handlers are not stored.',
  bundledMessages: ['Nest application successfully started'],
  instrument: () => ({
    patches: { [FILE]: (exports) => patchExceptionsHandler(exports as NestModule) },
    modules: { [FILE]: { names: ['ExceptionsHandler'], patch: patchExceptionsHandler } },
  }),
};

const FILE = 'exceptions/exceptions-handler.js';

interface NestModule {
  readonly ExceptionsHandler?: ExceptionsHandlerClass;
}

function patchExceptionsHandler({ ExceptionsHandler }: NestModule): void {
  if (!ExceptionsHandler) throw new TypeError('class ExceptionsHandler not found');
  observeMethod(PART, ExceptionsHandler.prototype, 'next', { before: storeException });
}

/** Stores the exception before a filter handles it. */
function storeException(_handler: unknown, args: readonly unknown[]): void {
  const [exception, host] = args as [unknown, ArgumentsHost];
  const request = host.getArgByIndex(0);
  if (!isObject(request)) return;
  const state = getNestRequestState(request);
  if (state === undefined) return;
  state.thrown ??= exception;
  // Nest 12 adds a route such as `/api/*path` that throws this exception.
  if (isUnknownPath(exception, request)) state.route = undefined;
  const { response } = state;
  // A write to a closed connection can fail too.
  if (response?.headersSent && !(response.socket && isClosedByPeer(response.socket))) {
    state.hasFailedAfterHeaders = true;
  }
}

/** Returns whether no controller has the path and the method of a request. Never throws. */
function isUnknownPath(exception: unknown, request: ExpressRequest): boolean {
  try {
    if (!(exception instanceof Error) || !exception.message.startsWith('Cannot ')) return false;
    const { method, url, originalUrl = url } = request;
    return exception.message === `Cannot ${method} ${originalUrl}`;
  } catch {
    // A getter of the application throws.
    return false;
  }
}

/** Returns the state of a request of Node.js, or of a Fastify request that contains it. */
function getNestRequestState(request: object): ReturnType<typeof getRequestState> {
  const state = getRequestState(request);
  if (state !== undefined || !('raw' in request)) return state;
  return isObject(request.raw) ? getRequestState(request.raw) : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
