import { guard } from '../../../../core/guard.ts';
import { PERFSCOPE_APPLICATION_NAME } from '../../../../core/schema/row-ids.ts';
import { endOperation, startOperation } from '../../context/operations.ts';
import { bindCallback, isLibraryCode } from '../../context/tenant-context.ts';
import { QueueOwnedField } from '../../context/unrecorded-commands.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import type { Library, LibraryHooks } from '../../loading/library.ts';
import {
  findPropertyOwner,
  type Method,
  observeMethod,
  wrapMethod,
} from '../../loading/method-patching.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import { createSentStatement, type SentStatement } from '../statement-parts.ts';
import { type OnFailedConnect, POSTGRESQL, patchConnect } from './postgres-connects.ts';
import { patchNativeQuery } from './postgres-native.ts';
import { patchPostgresPool } from './postgres-pools.ts';

/** What fails, for {@link guard}. */
const PART = 'the PostgreSQL instrumentation';

/** Field of a query object that stores its running statement. */
class RunningStatementField extends ExistingObject {
  #statement: SentStatement;

  private constructor(query: object, statement: SentStatement) {
    super(query);
    this.#statement = statement;
  }

  static get(query: object): SentStatement | undefined {
    return #statement in query ? query.#statement : undefined;
  }

  static set(query: object, statement: SentStatement): void {
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

interface PgResult {
  command?: string | null;
  rowCount?: number | null;
  rows?: readonly unknown[];
}

interface PgQuery {
  values?: unknown;
  /** The cursor of a stream. */
  cursor?: { values?: unknown };
  /** Result of the last statement. */
  _result?: PgResult;
  /** Reads the next rows of a cursor. */
  read?: unknown;
}

/** SQLSTATE of a query on a connection that is closed. */
const CONNECTION_DOES_NOT_EXIST = { code: '08003' };

/**
 * Measures PostgreSQL clients, also with `pg.native`.
 *
 * The duration of a statement is the time from the call until the server is ready for the next query. The client
 * calls a method of the query object at the end of every kind of query: text, prepared statement,
 * cursor, stream, and COPY. Only these methods are patched, so promises and callbacks are
 * unchanged. Failed connection attempts are recorded with the operation `CONNECT`.
 */
export const PG: Library = {
  name: 'pg',
  category: 'database',
  versions: { from: '8.0.0', to: 8 },
  measured:
    'Statements, prepared statements, cursors, streams, COPY, failed connections, and `pg.native`.',
  bundledMessages: ['Client has already been connected. You cannot reuse a client.'],
  instrument: ({ databases }) => instrumentClients(databases),
};

/** Measures the pools of `pg`. */
export const PG_POOL: Library = {
  name: 'pg-pool',
  category: 'database',
  partOf: 'pg',
  versions: { from: '3.0.0', to: 3 },
  measured:
    'Used and idle connections, waiting callers, and the time that callers wait for a connection.',
  instrument: ({ pools, databases }: InstrumentationContext) => ({
    patches: { '': (exports) => patchPostgresPool(exports, pools, databases) },
  }),
};

function instrumentClients(databases: DatabaseRecorder): LibraryHooks {
  const patched = new WeakSet<object>();
  /** The current synchronous call of `query`. */
  let currentCall: { client: object; statement: SentStatement; args: unknown[] } | undefined;

  const recordEnd = (query: object, error: unknown, returnedRows?: number) => {
    const statement = RunningStatementField.get(query);
    if (!statement) return;
    if (error === undefined) statement.returnedRows = returnedRows ?? countRows(query);
    databases.endStatements(statement, error);
  };
  /** Called for each completed statement of a query. */
  const countCompleted = (query: object, count = 1) => {
    const statement = RunningStatementField.get(query);
    if (statement) statement.completed += count;
  };
  const onFailedConnect: OnFailedConnect = (operation, failure) =>
    databases.endFailedConnect(operation, POSTGRESQL, failure);
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
    currentCall.statement.text = getStatementText(query, client);
    currentCall.statement.values = getValues(query);
    RunningStatementField.set(query, currentCall.statement);
    currentCall = undefined;
    patchQueryMethods(query);
  };

  const startCall = guard(PART, (client: PgClient, args: unknown[]) => {
    if (isOwnClient(client) || isQueueClient(client)) return undefined;
    // The library rejects such a query at once.
    if (args[0] === undefined || args[0] === null) return undefined;
    const operation = startOperation('database');
    const statement = createSentStatement(operation, POSTGRESQL, '', client);
    // The pool's own callback needs no context.
    const bound = isLibraryCode() ? args : bindCallback(args, args.length - 1);
    return { client, statement, args: bound };
  });

  /** A client without a connection rejects a query without adding it to its queue. */
  const endUnsentCall = guard(PART, (client: PgClient) => {
    const isClosed = client._queryable === false || client._ending === true;
    if (!isClosed || currentCall?.client !== client) return;
    const { statement, args } = currentCall;
    statement.text = getStatementText(args[0], client);
    databases.endStatements(statement, CONNECTION_DOES_NOT_EXIST);
  });

  const patchClient = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    wrapMethod(prototype, 'query', (original) => {
      return function query(this: PgClient, ...args: unknown[]) {
        const outerCall = currentCall;
        currentCall = startCall(this, args);
        let isReturned = false;
        // With `catch`, Node.js would print another source line for an uncaught error.
        try {
          const result = original.apply(this, currentCall?.args ?? args);
          isReturned = true;
          endUnsentCall(this);
          return result;
        } finally {
          // If the library rejected the arguments, there is no statement.
          if (!isReturned && currentCall)
            endOperation(currentCall.statement.operation, '', true, 0);
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

  return {
    patches: {
      'lib/client.js': patchClient,
      'lib/native/client.js': patchClient,
      'lib/native/query.js': patchQuery,
    },
  };
}

function isOwnClient({ connectionParameters }: PgClient): boolean {
  return connectionParameters?.application_name === PERFSCOPE_APPLICATION_NAME;
}

/** Name of the connections of pg-boss that are outside its pool. Newer versions append an ID. */
const PG_BOSS_APPLICATION_NAME = /^pgboss(?::|$)/;

/** Whether a queue library owns the connection. Its statements are parts of queue operations. */
function isQueueClient(client: PgClient): boolean {
  const name = client.connectionParameters?.application_name;
  return QueueOwnedField.has(client) || (name !== undefined && PG_BOSS_APPLICATION_NAME.test(name));
}

/** Arguments of a query class that stores them elsewhere. They have no hash. */
const UNKNOWN_VALUES = Symbol('unknown');

function getValues(query: PgQuery): unknown {
  return 'values' in query ? query.values : (query.cursor?.values ?? UNKNOWN_VALUES);
}

/**
 * Returns the number of rows that a query returned. Listeners can receive the rows, so the result doesn't always have
 * them. A cursor returns only as many rows as the application reads.
 */
function countRows(query: PgQuery): number {
  const result = query._result;
  if (result === undefined || query.read !== undefined) return 0;
  const { command, rowCount, rows } = result;
  return (command === 'SELECT' ? rowCount : rows?.length) ?? 0;
}

/** Returns the text of a query, or `''` if it is unknown. */
function getStatementText(config: unknown, client: PgClient): string {
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
    return '';
  }
}
