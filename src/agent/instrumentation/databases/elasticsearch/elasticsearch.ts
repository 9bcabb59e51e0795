import { types } from 'node:util';
import { guard } from '../../../../core/guard.ts';
import { type Operation, startOperation } from '../../context/operations.ts';
import {
  addUnrecordedOrigin,
  isUnrecorded,
  runUnrecorded,
} from '../../context/unrecorded-commands.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import type { Library } from '../../loading/library.ts';
import { observeMethod, observePromise, wrapMethod } from '../../loading/method-patching.ts';
import type { DatabaseCommand, DatabaseRecorder } from '../database-recorder.ts';
import { getElasticsearchErrorType } from './elasticsearch-errors.ts';
import { type ElasticsearchRequest, getElasticsearchCommand } from './elasticsearch-request.ts';

/** What fails, for {@link guard}. */
const PART = 'the Elasticsearch instrumentation';

/** The class of the transport of each client. */
interface Transport {
  isSniffing?: unknown;
  sniffEndpoint?: unknown;
}

interface TransportClass {
  readonly prototype: object;
}

/** Measures the Elasticsearch client. All its methods, and its helpers, send requests through its transport. */
export const ELASTICSEARCH_CLIENT: Library = {
  name: '@elastic/elasticsearch',
  category: 'database',
  versions: { from: '8.0.0', to: 9 },
  measured:
    'Each request by endpoint and index, such as `search logs-[date]`. Dates, IDs, and long numbers in names of indexes are replaced. Retries are a part of the request. Requests are not counted as outgoing calls.',
  limits: 'With `asStream`, the duration ends when the headers arrive.',
  bundledMessages: ['Missing node(s) option'],
  instrument: ({ databases }: InstrumentationContext) => {
    const patch = (transport: TransportClass) => patchTransport(transport.prototype, databases);
    return {
      patches: {
        'lib/sniffingTransport.js': (exports) =>
          patch((exports as { default: TransportClass }).default),
      },
      modules: {
        'esm/sniffingTransport.js': {
          names: ['SniffingTransport'],
          patch: (variables) => patch(variables.SniffingTransport as TransportClass),
        },
      },
    };
  },
};

/** The client sends it with each request, unless the application disables it. */
const CLIENT_HEADER = 'x-elastic-client-meta';

/** The connections of the client. Their requests aren't outgoing calls of the application. */
export const ELASTIC_TRANSPORT: Library = {
  name: '@elastic/transport',
  category: 'database',
  partOf: '@elastic/elasticsearch',
  versions: { from: '8.0.0', to: 9 },
  measured: 'Requests of another `Transport` class.',
  instrument: ({ databases }: InstrumentationContext) => {
    // `name` is the variable in the ES module. It differs from the name of the export.
    const files: [path: string, name: string, patch: (patched: TransportClass) => void][] = [
      ['Transport.js', 'Transport', ({ prototype }) => patchTransport(prototype, databases)],
      ['connection/UndiciConnection.js', 'Connection', patchRequests],
      ['connection/HttpConnection.js', 'HttpConnection', patchRequests],
    ];
    return {
      patches: Object.fromEntries(
        files.map(([path, , patch]) => [
          `lib/${path}`,
          (exports: unknown) => patch((exports as { default: TransportClass }).default),
        ]),
      ),
      modules: Object.fromEntries(
        files.map(([path, name, patch]) => [
          `esm/${path}`,
          {
            names: [name],
            patch: (variables: Record<string, unknown>) => patch(variables[name] as TransportClass),
          },
        ]),
      ),
    };
  },
};

/** A connection sends its request synchronously, unless its pool is full. */
function patchRequests({ prototype }: TransportClass): void {
  observeMethod<{ url?: unknown }>(PART, prototype, 'request', {
    before: ({ url }) => {
      if (url instanceof URL) addUnrecordedOrigin(url.origin, CLIENT_HEADER);
    },
  });
  wrapMethod(prototype, 'request', (original) => {
    return function request(this: unknown, ...args: unknown[]) {
      return runUnrecorded(() => original.apply(this, args));
    };
  });
}

interface RunningRequest {
  readonly operation: Operation;
  readonly command: DatabaseCommand;
}

/** The transport of the client inherits its method from a class that is also patched. */
let isInnerCall = false;

function patchTransport(prototype: object, databases: DatabaseRecorder): void {
  const start = guard(PART, (self: Transport, request: unknown): RunningRequest | undefined => {
    if (isInnerCall || isUnrecorded() || typeof request !== 'object' || request === null)
      return undefined;
    const { path } = request as ElasticsearchRequest;
    // The client looks for other servers.
    if (self.isSniffing === true && path === (self.sniffEndpoint ?? '/_nodes/_all/http'))
      return undefined;
    const command = getElasticsearchCommand(request as ElasticsearchRequest);
    return { operation: startOperation('database'), command };
  });
  const succeed = guard(PART, ({ operation, command }: RunningRequest, result: unknown) =>
    databases.endCommand(operation, command, undefined, countHits(result)),
  );
  const fail = guard(PART, ({ operation, command }: RunningRequest, error: unknown) =>
    databases.endCommand(operation, command, getElasticsearchErrorType(error)),
  );
  wrapMethod(prototype, 'request', (original) => {
    return function request(this: Transport, ...args: unknown[]) {
      const running = start(this, args[0]);
      const outer = isInnerCall;
      isInnerCall = true;
      let result: unknown;
      try {
        result = original.apply(this, args);
      } finally {
        isInnerCall = outer;
      }
      if (running === undefined || !types.isPromise(result)) return result;
      return observePromise(
        result,
        (value) => succeed(running, value),
        (error) => fail(running, error),
      );
    };
  });
}

/** Returns the number of documents that a search returned. With the option `meta`, they are in `body`. */
function countHits(result: unknown): number {
  const { hits, body } = (result ?? {}) as { hits?: unknown; body?: { hits?: unknown } };
  const list = ((hits ?? body?.hits) as { hits?: unknown } | undefined)?.hits;
  return Array.isArray(list) ? list.length : 0;
}
