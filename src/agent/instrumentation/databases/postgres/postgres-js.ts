import { Duplex } from 'node:stream';
import { guard } from '../../../../core/guard.ts';
import { splitStatements } from '../../../../core/sql/sql-tokens.ts';
import {
  endOperation,
  type Operation,
  startNextOperation,
  startOperation,
} from '../../context/operations.ts';
import { bindCallback } from '../../context/tenant-context.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import type { Library, LibraryHooks } from '../../loading/library.ts';
import { observeMethod } from '../../loading/method-patching.ts';
import { getDatabaseErrorType } from '../error-types.ts';
import { isTakenMarked, markTaken } from '../held-connections.ts';
import { createSentStatement } from '../statement-parts.ts';
import { POSTGRESQL } from './postgres-connects.ts';
import {
  findPool,
  isInTransaction,
  observeConnections,
  type PostgresJsConnection,
  type PostgresJsPool,
  type PostgresJsQuery,
} from './postgres-js-pools.ts';

/** What fails, for {@link guard}. */
const PART = 'the postgres.js instrumentation';

/**
 * Measures `postgres`, also known as postgres.js.
 *
 * A query is a promise that is sent when the application first awaits it. The library then calls the query's `resolve`
 * or `reject`. These functions are wrapped, so the promise is unchanged. The time that a query waits for a connection
 * isn't a part of its duration.
 */
export const POSTGRES_JS: Library = {
  name: 'postgres',
  category: 'database',
  versions: { from: '3.3.0', to: 3 },
  measured:
    'Statements, cursors, COPY, transactions, failed connections, and pools. Queries that the library itself sends ' +
    'are not counted.',
  limits: 'The time that `sql.reserve()` waits for a connection is not measured.',
  bundledMessages: ['Only use sql.begin, sql.reserved or max: 1'],
  instrument: (context) => instrumentQueries(context),
};

/** A query that the application has started. */
class RunningQuery {
  readonly pool: PostgresJsPool | undefined;
  /** The wait for a connection, and then the statement. */
  operation: Operation;
  /** The wrapped functions of the query. */
  resolve: unknown;
  reject: unknown;
  /** The connection that sent the query. */
  connection: object | undefined;

  constructor(pool: PostgresJsPool | undefined, operation: Operation) {
    this.pool = pool;
    this.operation = operation;
  }
}

/** Field of a query that stores its operation. */
class RunningQueryField extends ExistingObject {
  readonly #running: RunningQuery;

  constructor(query: object, running: RunningQuery) {
    super(query);
    this.#running = running;
  }

  static get(query: object): RunningQuery | undefined {
    return #running in query ? query.#running : undefined;
  }
}

const DESCRIBE = { system: POSTGRESQL, text: 'PREPARE', operation: 'PREPARE', table: undefined };
/** Codes of queries that the application canceled, or sent after it closed the pool. */
const APPLICATION_CODES = new Set<unknown>(['57014', 'CONNECTION_ENDED', 'CONNECTION_DESTROYED']);

function instrumentQueries({ databases, pools }: InstrumentationContext): LibraryHooks {
  const endQuery = (
    query: PostgresJsQuery,
    running: RunningQuery,
    error: unknown,
    value: unknown,
  ) => {
    const { operation, pool } = running;
    if (operation.ended) return;
    if (operation.kind === 'connection') {
      if (pool) pool.waiting -= 1;
      endWithoutConnection(operation, pool?.name ?? '', error);
    } else if (error === undefined && query.onlyDescribe)
      databases.endCommand(operation, DESCRIBE, undefined);
    // The library resolves a COPY query a second time when the server has finished.
    else if (error !== undefined || !isCopyStream(value)) {
      const text = getText(query);
      const completed = countCompleted(query, text, error);
      const statement = createSentStatement(operation, POSTGRESQL, text, running.connection);
      statement.completed = completed;
      statement.values = query.parameters ?? query.args;
      if (Array.isArray(value) && !query.cursorFn) statement.returnedRows = value.length;
      databases.endStatements(statement, error);
    }
  };

  const endWithoutConnection = (operation: Operation, server: string, error: unknown) => {
    const { code } = (error ?? {}) as { code?: unknown };
    if (error === undefined || APPLICATION_CODES.has(code))
      return endOperation(operation, server, error !== undefined);
    const errorType = code === 'CONNECT_TIMEOUT' ? 'timeout' : getDatabaseErrorType(error);
    databases.endFailedConnect(operation, POSTGRESQL, { errorType, error, server });
  };

  const onSettle = guard(PART, endQuery);

  const observeSettle = (query: PostgresJsQuery, running: RunningQuery) => {
    const { resolve, reject } = query;
    query.resolve = (value) => {
      onSettle(query, running, undefined, value);
      return resolve(value);
    };
    query.reject = (error) => {
      onSettle(query, running, error ?? 'unknown', undefined);
      return reject(error);
    };
    running.resolve = query.resolve;
    running.reject = query.reject;
  };

  const startQuery = (query: PostgresJsQuery): RunningQuery | undefined => {
    // A connection sends its own queries when it opens.
    if (query.executed || query.handler.name === 'execute') return undefined;
    const pool = findPool(query);
    const waits = pool !== undefined && !isInTransaction(pool, query);
    if (waits) pool.waiting += 1;
    const running = new RunningQuery(pool, startOperation(waits ? 'connection' : 'database'));
    new RunningQueryField(query, running);
    // A connection calls these functions in the context of its socket.
    if (query.forEachFn) query.forEachFn = bindCallback([query.forEachFn], 0)[0];
    if (query.cursorFn) query.cursorFn = bindCallback([query.cursorFn], 0)[0];
    return running;
  };

  const onHandle = (query: PostgresJsQuery) => {
    const running = RunningQueryField.get(query) ?? startQuery(query);
    // A cursor replaces the functions for each of its parts.
    if (running && !running.operation.ended && query.resolve !== running.resolve)
      observeSettle(query, running);
  };

  const patchQuery = (exports: unknown) => {
    const { prototype } = (exports as { Query: { prototype: object } }).Query;
    observeMethod<PostgresJsQuery>(PART, prototype, 'handle', { before: onHandle });
  };

  /** A transaction or reservation holds its connection from its first query on. */
  const markReservation = (reserved: unknown, { operation }: RunningQuery) => {
    if (typeof reserved !== 'function' || isTakenMarked(reserved)) return;
    markTaken(reserved, operation.startMs, operation.caller);
  };

  /** Called when a connection sends a query. */
  const onSend = (query: PostgresJsQuery, isReserved: boolean, connection: object | undefined) => {
    const running = RunningQueryField.get(query);
    if (!running || running.operation.ended) return;
    running.connection = connection;
    if (isReserved) markReservation((connection as PostgresJsConnection).reserved, running);
    if (running.operation.kind !== 'connection') return;
    const { operation, pool } = running;
    if (pool) pool.waiting -= 1;
    if (isReserved) endOperation(operation, pool?.name ?? '', false, 0);
    else pools.endWait(operation, pool?.name ?? '');
    running.operation = startNextOperation(operation, 'database');
  };

  const observe = (connect: unknown) => observeConnections(connect, pools, onSend);
  return {
    patches: {
      'cjs/src/query.js': patchQuery,
      'cjs/src/connection.js': observe,
    },
    modules: {
      'src/query.js': { names: ['Query'], patch: patchQuery },
      'src/connection.js': {
        names: ['Connection'],
        patch: (variables) => {
          variables.Connection = observe(variables.Connection);
        },
      },
    },
  };
}

/** Returns the text of a statement, or its parts if no connection has sent it. */
function getText({ string, strings }: PostgresJsQuery): string {
  const text: unknown = string ?? (strings.length === 1 ? strings[0] : strings.join('?'));
  return typeof text === 'string' ? text : '';
}

/** Returns the number of statements that have succeeded. The library doesn't report which statement of a text failed. */
function countCompleted(query: PostgresJsQuery, text: string, error: unknown): number {
  if (error !== undefined) return query.options.simple ? Number.POSITIVE_INFINITY : 0;
  return query.options.simple ? (splitStatements(text, 'postgresql')?.length ?? 1) : 1;
}

/** Whether a query resolved with the stream of a COPY. A replication stream can stay open for days. */
function isCopyStream(value: unknown): boolean {
  const isStream = typeof (value as { pipe?: unknown } | null | undefined)?.pipe === 'function';
  return isStream && !(value instanceof Duplex);
}
