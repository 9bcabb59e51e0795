import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Library } from '../loading/library.ts';
import { type MethodRecord, observeMethod } from '../loading/method-patching.ts';
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
