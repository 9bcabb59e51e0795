import { guard } from '../../core/guard.ts';
import { PERFSCOPE_APPLICATION_NAME } from '../../core/schema/row-ids.ts';
import { ExistingObject } from './hidden-property.ts';
import type { LibraryInstrumentation } from './instrumentation-registry.ts';
import { findPropertyOwner, type Method, observeMethod, wrapMethod } from './method-patching.ts';
import type { PoolMetrics } from './postgres-pools.ts';
import {
  createStatementRecorder,
  type SentStatement,
  type StatementRecorderOptions,
} from './postgres-statements.ts';
import { bindCallback, getCurrentTenant } from './tenant-context.ts';

export interface PostgresInstrumentationOptions extends StatementRecorderOptions {
  pools: PoolMetrics;
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
  let currentCall: { client: object; statement: RunningStatement; args: unknown[] } | undefined;

  const recordEnd = (query: object, error: unknown) => {
    const statement = RunningStatementField.get(query);
    if (!statement || statement.ended) return;
    statement.ended = true;
    record(statement, error);
  };
  /** Called for each completed statement of a query. */
  const countCompleted = (query: object) => {
    const statement = RunningStatementField.get(query);
    if (statement) statement.completed += 1;
  };
  const handlers: [name: string, handler: (query: object, message: unknown) => void][] = [
    ['handleCommandComplete', countCompleted],
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
    if (client.connectionParameters?.application_name === PERFSCOPE_APPLICATION_NAME)
      return undefined;
    const text = getStatementText(args[0], client);
    if (text === undefined) return undefined;
    const tenant = getCurrentTenant();
    const statement = { text, startMs: performance.now(), completed: 0, tenant, ended: false };
    return { client, statement, args: bindCallback(args, args.length - 1) };
  });

  const patchClient = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    wrapMethod(prototype, 'query', (original) => {
      return function query(this: PgClient, ...args: unknown[]) {
        const outerCall = currentCall;
        currentCall = startCall(this, args);
        try {
          return original.apply(this, currentCall?.args ?? args);
        } finally {
          currentCall = outerCall;
        }
      };
    });
    observeMethod<PgClient>(PART, prototype, '_pulseQueryQueue', { before: attachStatement });
  };

  return [
    { name: 'pg', supportedMajors: [8], patches: { 'lib/client.js': patchClient } },
    { name: 'pg-pool', supportedMajors: [3], patches: { '': options.pools.patch } },
  ];
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
    return client.connection?.parsedStatements?.[query.name ?? ''] ?? '';
  } catch {
    return undefined;
  }
}
