import { PERFSCOPE_APPLICATION_NAME } from '../../core/schema/row-ids.ts';
import type { LibraryInstrumentation } from './instrumentation-registry.ts';
import { type Method, swallowErrors, wrapMethod } from './method-patching.ts';
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

/** Where a query keeps it: a WeakMap of so many short lives would cost the garbage collector more. */
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
 * Records each statement that `pg` sends as `db.client.operation.duration`
 * (https://opentelemetry.io/docs/specs/semconv/db/database-metrics/): by operation, table and
 * fingerprint, from the call to the server's last word. Whatever is queried with (texts, prepared
 * statements, cursors, streams, COPY), the client tells its end to the query object; that is where
 * it is noticed, so that neither promises nor callbacks are touched.
 */
export function createPostgresInstrumentations(
  options: PostgresInstrumentationOptions,
): LibraryInstrumentation[] {
  const record = createStatementRecorder(options);
  const patched = new WeakSet<object>();
  /** The call to `query` that is being made at this moment. */
  let calling: { client: object; running: RunningStatement } | undefined;

  const end = swallowErrors((query: QueryWithStatement, error: unknown) => {
    const ended = query[RUNNING_STATEMENT_KEY];
    if (!ended || ended.ended) return;
    ended.ended = true;
    record(ended, error);
  });
  /** The server says this of each statement of a text. */
  const complete = swallowErrors((query: QueryWithStatement) => {
    const running = query[RUNNING_STATEMENT_KEY];
    if (running) running.completed += 1;
  });
  const heard: [name: string, hear: (query: object, message: unknown) => void][] = [
    ['handleCommandComplete', complete],
    ['handleError', (query, error) => end(query, error ?? 'unknown')],
    ['handleReadyForQuery', (query) => end(query, undefined)],
  ];

  /** Hears of the end of queries of this kind; cursors and streams bring their own methods along. */
  const listen = (query: object) => {
    for (const [name, hear] of heard) {
      const owner = Object.hasOwn(query, name) ? query : findOwnerOf(query, name);
      if (!owner) continue;
      const before = (owner as Record<string, Method>)[name]!;
      if (patched.has(before)) continue;
      wrapMethod(owner, name, (original) => {
        const listened: Method = function (this: object, ...args) {
          hear(this, args[0]);
          return original.apply(this, args);
        };
        patched.add(listened);
        return listened;
      });
    }
  };

  const begin = swallowErrors((client: PgClient) => {
    if (calling?.client !== client) return;
    const queue = '_queryQueue' in client ? client._queryQueue : client.queryQueue;
    const query = queue?.at(-1);
    if (!query) return;
    (query as QueryWithStatement)[RUNNING_STATEMENT_KEY] = calling.running;
    calling = undefined;
    listen(query);
  });

  const patchClient = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    wrapMethod(prototype, 'query', (original) => {
      return function query(this: PgClient, ...args: unknown[]) {
        const outer = calling;
        try {
          const own = this.connectionParameters?.application_name === PERFSCOPE_APPLICATION_NAME;
          if (own) return original.apply(this, args);
          const text = getStatementText(args[0], this);
          const tenant = getCurrentTenant();
          const started = { text, startMs: performance.now(), completed: 0, tenant, ended: false };
          calling = { client: this, running: started };
          const last = args.length - 1;
          if (typeof args[last] === 'function') args[last] = bindTenantContext(args[last]);
        } catch {
          calling = undefined;
        }
        try {
          return original.apply(this, args);
        } finally {
          calling = outer;
        }
      };
    });
    wrapMethod(prototype, '_pulseQueryQueue', (original) => {
      return function pulse(this: PgClient, ...args: unknown[]) {
        begin(this);
        return original.apply(this, args);
      };
    });
  };

  return [
    { name: 'pg', supportedMajors: [8], patches: { 'lib/client.js': patchClient } },
    { name: 'pg-pool', supportedMajors: [3], patches: { '': options.pools.patch } },
  ];
}

function findOwnerOf(object: object, name: string): object | undefined {
  let owner: object | null = object;
  while (owner && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner) as object;
  return owner ?? undefined;
}

/** The statement of whatever `query` was called with. */
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
