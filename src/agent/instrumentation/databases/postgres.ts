import { guard } from '../../../core/guard.ts';
import { PERFSCOPE_APPLICATION_NAME } from '../../../core/schema/row-ids.ts';
import { bindCallback, getCurrentTenant } from '../context/tenant-context.ts';
import { ExistingObject } from '../loading/hidden-property.ts';
import type { LibraryInstrumentation } from '../loading/instrumentation-registry.ts';
import {
  findPropertyOwner,
  type Method,
  observeMethod,
  wrapMethod,
} from '../loading/method-patching.ts';
import { type FailedConnect, type OnFailedConnect, patchConnect } from './postgres-connects.ts';
import { patchNativeQuery } from './postgres-native.ts';
import type { PoolMetrics } from './postgres-pools.ts';
import {
  createStatementRecorder,
  type SentStatement,
  type StatementRecorderOptions,
} from './postgres-statements.ts';

export interface PostgresInstrumentationOptions extends StatementRecorderOptions {
  pools: PoolMetrics;
  /** Called if the application can't connect, or gets no connection from a pool in time. */
  onFailedConnect: (failure: FailedConnect) => void;
}

/** What fails, for {@link guard}. */
const PART = 'the PostgreSQL instrumentation';

interface RunningStatement extends SentStatement {
  ended: boolean;
}

/** Field of a query object that stores its running statement. */
class RunningStatementField extends ExistingObject {
  #statement: RunningStatement;

  private constructor(query: object, statement: RunningStatement) {
    super(query);
    this.#statement = statement;
  }

  static get(query: object): RunningStatement | undefined {
    return #statement in query ? query.#statement : undefined;
  }

  static set(query: object, statement: RunningStatement): void {
    if (#statement in query) query.#statement = statement;
    else new RunningStatementField(query, statement);
  }
}

interface PgClient {
  database?: string;
  connectionParameters?: { application_name?: string };
  connection?: { parsedStatements?: Record<string, string> };
  /** Prepared statements of `pg.native`. */
  namedQueries?: Record<string, string>;
  _queryable?: boolean;
  _ending?: boolean;
  _queryQueue?: object[];
  queryQueue?: object[];
}

/** SQLSTATE of a query on a connection that is closed. */
const CONNECTION_DOES_NOT_EXIST = { code: '08003' };

/**
 * Records each statement that `pg` sends as `db.client.operation.duration`, by operation, table,
 * and fingerprint (https://opentelemetry.io/docs/specs/semconv/db/database-metrics/).
 *
 * The duration is the time from the call until the server is ready for the next query. The client
 * calls a method of the query object at the end of every kind of query: text, prepared statement,
 * cursor, stream, and COPY. Only these methods are patched, so promises and callbacks are
 * unchanged. Failed connection attempts are recorded with the operation `CONNECT`.
 */
export function createPostgresInstrumentations(
  options: PostgresInstrumentationOptions,
): LibraryInstrumentation[] {
  const { recordStatements, recordFailedConnect } = createStatementRecorder(options);
  const patched = new WeakSet<object>();
  /** The current synchronous call of `query`. */
  let currentCall: { client: object; statement: RunningStatement; args: unknown[] } | undefined;

  const recordEnd = (query: object, error: unknown) => {
    const statement = RunningStatementField.get(query);
    if (!statement || statement.ended) return;
    statement.ended = true;
    recordStatements(statement, error);
  };
  /** Called for each completed statement of a query. */
  const countCompleted = (query: object, count = 1) => {
    const statement = RunningStatementField.get(query);
    if (statement) statement.completed += count;
  };
  const onFailedConnect: OnFailedConnect = (attempt, failure) => {
    recordFailedConnect(attempt, failure.errorType);
    options.onFailedConnect(failure);
  };
  const handlers: [name: string, handler: (query: object, message: unknown) => void][] = [
    ['handleCommandComplete', (query) => countCompleted(query)],
    ['handleError', (query, error) => recordEnd(query, error ?? 'unknown')],
    ['handleReadyForQuery', (query) => recordEnd(query, undefined)],
  ];

  /** Patches the methods of this kind of query. Cursors and streams have their own methods. */
  const patchQueryMethods = (query: object) => {
    for (const [name, handler] of handlers) {
      const owner = findPropertyOwner(query, name) as Record<string, Method> | undefined;
      if (!owner || patched.has(owner[name]!)) continue;
      observeMethod<object>(PART, owner, name, {
        before: (self, args) => handler(self, args[0]),
      });
      patched.add(owner[name]!);
    }
  };

  const attachStatement = (client: PgClient) => {
    if (currentCall?.client !== client) return;
    const queue = '_queryQueue' in client ? client._queryQueue : client.queryQueue;
    const query = queue?.at(-1);
    if (!query) return;
    RunningStatementField.set(query, currentCall.statement);
    currentCall = undefined;
    patchQueryMethods(query);
  };

  const startCall = guard(PART, (client: PgClient, args: unknown[]) => {
    if (isOwnClient(client)) return undefined;
    const text = getStatementText(args[0], client);
    if (text === undefined) return undefined;
    const tenant = getCurrentTenant();
    const statement = { text, startMs: performance.now(), completed: 0, tenant, ended: false };
    return { client, statement, args: bindCallback(args, args.length - 1) };
  });

  /** A client without a connection rejects a query without adding it to its queue. */
  const endUnsentCall = guard(PART, (client: PgClient) => {
    const isClosed = client._queryable === false || client._ending === true;
    if (isClosed && currentCall?.client === client)
      recordStatements(currentCall.statement, CONNECTION_DOES_NOT_EXIST);
  });

  const patchClient = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    wrapMethod(prototype, 'query', (original) => {
      return function query(this: PgClient, ...args: unknown[]) {
        const outerCall = currentCall;
        currentCall = startCall(this, args);
        try {
          const result = original.apply(this, currentCall?.args ?? args);
          endUnsentCall(this);
          return result;
        } finally {
          currentCall = outerCall;
        }
      };
    });
    observeMethod<PgClient>(PART, prototype, '_pulseQueryQueue', { before: attachStatement });
    patchConnect(prototype, isOwnClient, onFailedConnect);
  };
  const patchQuery = (exports: unknown) => {
    const { handleError } = patchNativeQuery(exports, { recordEnd, countCompleted });
    patched.add(handleError);
  };

  return [
    {
      name: 'pg',
      supportedMajors: [8],
      patches: {
        'lib/client.js': patchClient,
        'lib/native/client.js': patchClient,
        'lib/native/query.js': patchQuery,
      },
    },
    {
      name: 'pg-pool',
      supportedMajors: [3],
      patches: { '': (exports) => options.pools.patch(exports, onFailedConnect) },
    },
  ];
}

function isOwnClient({ connectionParameters }: PgClient): boolean {
  return connectionParameters?.application_name === PERFSCOPE_APPLICATION_NAME;
}

/** Returns the query text for any kind of `query` argument, or undefined if a getter throws. */
function getStatementText(config: unknown, client: PgClient): string | undefined {
  if (typeof config === 'string') return config;
  try {
    const query = (config ?? {}) as {
      text?: unknown;
      name?: string;
      cursor?: { text?: unknown };
    };
    const text = query.text ?? query.cursor?.text;
    if (typeof text === 'string') return text;
    const prepared = client.connection?.parsedStatements ?? client.namedQueries;
    return prepared?.[query.name ?? ''] ?? '';
  } catch {
    return undefined;
  }
}
