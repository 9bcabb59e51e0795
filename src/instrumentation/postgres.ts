import { OWN_APPLICATION_NAME } from '../schema/identity.ts';
import { bound, currentTenant } from './context.ts';
import { guard } from './guard.ts';
import type { Library } from './libraries.ts';
import type { PoolWatch } from './postgres-pools.ts';
import { type RecordingOptions, type Statement, statementRecorder } from './postgres-statements.ts';
import { type Method, wrap } from './wrap.ts';

export interface PostgresOptions extends RecordingOptions {
  pools: PoolWatch;
}

interface Running extends Statement {
  ended: boolean;
}

/** Where a query keeps it: a WeakMap of so many short lives would cost the garbage collector more. */
const RUNNING = Symbol('perfscope.query');

interface Marked {
  [RUNNING]?: Running;
}

interface Client {
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
export function postgres(options: PostgresOptions): Library[] {
  const record = statementRecorder(options);
  const patched = new WeakSet<object>();
  /** The call to `query` that is being made at this moment. */
  let calling: { client: object; running: Running } | undefined;

  const end = guard((query: Marked, error: unknown) => {
    const ended = query[RUNNING];
    if (!ended || ended.ended) return;
    ended.ended = true;
    record(ended, error);
  });
  /** The server says this of each statement of a text. */
  const complete = guard((query: Marked) => {
    const running = query[RUNNING];
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
      const owner = Object.hasOwn(query, name) ? query : ownerOf(query, name);
      if (!owner) continue;
      const before = (owner as Record<string, Method>)[name]!;
      if (patched.has(before)) continue;
      wrap(owner, name, (original) => {
        const listened: Method = function (this: object, ...args) {
          hear(this, args[0]);
          return original.apply(this, args);
        };
        patched.add(listened);
        return listened;
      });
    }
  };

  const begin = guard((client: Client) => {
    if (calling?.client !== client) return;
    const queue = '_queryQueue' in client ? client._queryQueue : client.queryQueue;
    const query = queue?.at(-1);
    if (!query) return;
    (query as Marked)[RUNNING] = calling.running;
    calling = undefined;
    listen(query);
  });

  const patchClient = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    wrap(prototype, 'query', (original) => {
      return function query(this: Client, ...args: unknown[]) {
        const outer = calling;
        try {
          const own = this.connectionParameters?.application_name === OWN_APPLICATION_NAME;
          if (own) return original.apply(this, args);
          const text = textOf(args[0], this);
          const tenant = currentTenant();
          const started = { text, startMs: performance.now(), completed: 0, tenant, ended: false };
          calling = { client: this, running: started };
          const last = args.length - 1;
          if (typeof args[last] === 'function') args[last] = bound(args[last]);
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
    wrap(prototype, '_pulseQueryQueue', (original) => {
      return function pulse(this: Client, ...args: unknown[]) {
        begin(this);
        return original.apply(this, args);
      };
    });
  };

  return [
    { name: 'pg', majors: [8], files: { 'lib/client.js': patchClient } },
    { name: 'pg-pool', majors: [3], files: { '': options.pools.patch } },
  ];
}

function ownerOf(object: object, name: string): object | undefined {
  let owner: object | null = object;
  while (owner && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner) as object;
  return owner ?? undefined;
}

/** The statement of whatever `query` was called with. */
function textOf(config: unknown, client: Client): string {
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
