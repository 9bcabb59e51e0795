import { subscribe } from 'node:diagnostics_channel';
import { guard } from '../../../core/guard.ts';
import { isUnrecorded, isUnrecordedRequest } from '../context/unrecorded-commands.ts';
import type { InstrumentationContext } from '../instrumentation-context.ts';
import type { Library } from '../loading/library.ts';
import { getOriginTarget } from './call-target.ts';
import { CallField, OutgoingCall } from './outgoing-recorder.ts';

/** What fails, for {@link guard}. */
const PART = 'the metrics of fetch';

const LIMITS =
  'WebSocket handshakes and CONNECT tunnels are not measured. If a connection pool has a limit, the time that a request waits in its queue is not included.';

/** The `fetch` of Node.js, which contains a copy of undici. It uses the same channels as the package. */
export const FETCH: Library = {
  name: 'fetch',
  category: 'http-client',
  versions: { from: '22.14.0', to: 26 },
  isBuiltIn: true,
  measured:
    'Duration, status, and errors of each request, grouped by host and method, and by URL template if the application sets one.',
  limits: LIMITS,
  instrument: (context) => {
    observeRequests(context);
    return {};
  },
};

export const UNDICI: Library = {
  name: 'undici',
  category: 'http-client',
  versions: { from: '6.0.0', to: 8 },
  usesChannels: true,
  measured: 'Each request, with the same data as for `fetch`.',
  limits: LIMITS,
};

/** Undici creates one object for each request, and publishes it in all messages. */
interface UndiciRequest {
  readonly origin: unknown;
  readonly method: unknown;
  readonly upgrade?: unknown;
  readonly headers?: unknown;
}

/** Observers of channels can't change a request, its promise, or its unhandled rejection. */
function observeRequests({ outgoing }: InstrumentationContext): void {
  const onCreate = guard(PART, ({ request }: { request: UndiciRequest }) => {
    const { method, upgrade } = request;
    if (method === 'CONNECT' || upgrade || isUnrecorded()) return;
    if (isUnrecordedRequest(request.origin, request.headers)) return;
    const target = getOriginTarget(request.origin);
    if (target.name === outgoing.ignoredHost) return;
    CallField.set(request, OutgoingCall.createHttp(method, target));
  });
  const onHeaders = guard(
    PART,
    ({ request, response }: { request: object; response: { statusCode: number } }) => {
      const call = CallField.get(request);
      // Informational responses, such as 103, precede the final response.
      if (call && response.statusCode >= 200) outgoing.receiveHeaders(call, response.statusCode);
    },
  );
  const onEnd = guard(PART, ({ request }: { request: object }) => {
    const call = CallField.get(request);
    if (call) outgoing.end(call);
  });
  const onError = guard(PART, ({ request, error }: { request: object; error: unknown }) => {
    const call = CallField.get(request);
    if (call) outgoing.fail(call, error);
  });
  subscribe('undici:request:create', onCreate as (message: unknown) => void);
  subscribe('undici:request:headers', onHeaders as (message: unknown) => void);
  subscribe('undici:request:trailers', onEnd as (message: unknown) => void);
  subscribe('undici:request:error', onError as (message: unknown) => void);
}
