import { PERFSCOPE_APPLICATION_NAME } from '../../core/schema/row-ids.ts';
import type { LibraryInstrumentation } from './instrumentation-registry.ts';
import { findPropertyOwner, type Method, swallowErrors, wrapMethod } from './method-patching.ts';
import type { PoolMetrics } from './postgres-pools.ts';
import {
  createStatementRecorder,
  type SentStatement,
  type StatementRecorderOptions,
} from './postgres-statements.ts';
import { bindTenantContext, getCurrentTenant } from './tenant-context.ts';

export interface PostgresInstrumentationOptions extends StatementRecorderOptions {
  pools: PoolMetrics;
}

interface RunningStatement extends SentStatement {
  ended: boolean;
}

/**
 * Property of a query object that stores its running statement. A WeakMap with so many short-lived
 * keys would be slower.
 */
const RUNNING_STATEMENT_KEY = Symbol('perfscope.query');

interface QueryWithStatement {
  [RUNNING_STATEMENT_KEY]?: RunningStatement;
}

interface PgClient {
  database?: string;
  connectionParameters?: { application_name?: string };
  connection?: { parsedStatements?: Record<string, string> };
  _queryQueue?: object[];
  queryQueue?: object[];
}

/**
 * Records each statement that `pg` sends as `db.client.operation.duration`, by operation, table,
 * and fingerprint (https://opentelemetry.io/docs/specs/semconv/db/database-metrics/).
 *
 * The duration is the time from the call until the server is ready for the next query. The client
 * calls a method of the query object at the end of every kind of query: text, prepared statement,
 * cursor, stream, and COPY. Only these methods are patched, so promises and callbacks are
 * unchanged.
 */
export function createPostgresInstrumentations(
  options: PostgresInstrumentationOptions,
): LibraryInstrumentation[] {
  const record = createStatementRecorder(options);
  const patched = new WeakSet<object>();
  /** The current synchronous call of `query`. */
  let currentCall: { client: object; statement: RunningStatement } | undefined;

  const recordEnd = swallowErrors((query: QueryWithStatement, error: unknown) => {
    const statement = query[RUNNING_STATEMENT_KEY];
    if (!statement || statement.ended) return;
    statement.ended = true;
    record(statement, error);
  });
  /** Called for each completed statement of a query. */
  const countCompleted = swallowErrors((query: QueryWithStatement) => {
    const statement = query[RUNNING_STATEMENT_KEY];
    if (statement) statement.completed += 1;
  });
  const handlers: [name: string, handler: (query: object, message: unknown) => void][] = [
    ['handleCommandComplete', countCompleted],
    ['handleError', (query, error) => recordEnd(query, error ?? 'unknown')],
    ['handleReadyForQuery', (query) => recordEnd(query, undefined)],
  ];

  /** Patches the methods of this kind of query. Cursors and streams have their own methods. */
  const patchQueryMethods = (query: object) => {
    for (const [name, handler] of handlers) {
      const owner = findPropertyOwner(query, name);
      if (!owner) continue;
      const method = (owner as Record<string, Method>)[name]!;
      if (patched.has(method)) continue;
      wrapMethod(owner, name, (original) => {
        const wrapped: Method = function (this: object, ...args) {
          handler(this, args[0]);
          return original.apply(this, args);
        };
        patched.add(wrapped);
        return wrapped;
      });
    }
  };

  const attachStatement = swallowErrors((client: PgClient) => {
    if (currentCall?.client !== client) return;
    const queue = '_queryQueue' in client ? client._queryQueue : client.queryQueue;
    const query = queue?.at(-1);
    if (!query) return;
    (query as QueryWithStatement)[RUNNING_STATEMENT_KEY] = currentCall.statement;
    currentCall = undefined;
    patchQueryMethods(query);
  });

  const patchClient = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    wrapMethod(prototype, 'query', (original) => {
      return function query(this: PgClient, ...args: unknown[]) {
        const outerCall = currentCall;
        try {
          const isPerfscope =
            this.connectionParameters?.application_name === PERFSCOPE_APPLICATION_NAME;
          if (isPerfscope) return original.apply(this, args);
          const text = getStatementText(args[0], this);
          const tenant = getCurrentTenant();
          const startMs = performance.now();
          const statement = { text, startMs, completed: 0, tenant, ended: false };
          currentCall = { client: this, statement };
          const lastIndex = args.length - 1;
          if (typeof args[lastIndex] === 'function') {
            args[lastIndex] = bindTenantContext(args[lastIndex]);
          }
        } catch {
          currentCall = undefined;
        }
        try {
          return original.apply(this, args);
        } finally {
          currentCall = outerCall;
        }
      };
    });
    wrapMethod(prototype, '_pulseQueryQueue', (original) => {
      return function pulse(this: PgClient, ...args: unknown[]) {
        attachStatement(this);
        return original.apply(this, args);
      };
    });
  };

  return [
    { name: 'pg', supportedMajors: [8], patches: { 'lib/client.js': patchClient } },
    { name: 'pg-pool', supportedMajors: [3], patches: { '': options.pools.patch } },
  ];
}

/** Returns the query text for any kind of `query` argument. */
function getStatementText(config: unknown, client: PgClient): string {
  if (typeof config === 'string') return config;
  const query = config as {
    text?: unknown;
    name?: string;
    cursor?: { text?: unknown };
  };
  const text = query.text ?? query.cursor?.text;
  if (typeof text === 'string') return text;
  return client.connection?.parsedStatements?.[query.name ?? ''] ?? '';
}
