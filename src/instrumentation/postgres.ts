import type { Attributes } from '@opentelemetry/api';
import { ORGANIZATION, PROPERTY } from '../schema/attributes.ts';
import { OWN_APPLICATION_NAME } from '../schema/identity.ts';
import { bound, currentTenant, type Tenant } from './context.ts';
import { guard } from './guard.ts';
import type { Histograms } from './histograms.ts';
import type { Library } from './libraries.ts';
import type { PoolWatch } from './postgres-pools.ts';
import { type Fingerprint, fingerprint } from './sql-fingerprint.ts';
import { type Method, wrap } from './wrap.ts';

/** Semantic conventions' advice for this histogram, in seconds. */
const BOUNDARIES_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
/** Statements whose fingerprint is remembered; longer ones are bulk data, which does not repeat. */
const MOST_REMEMBERED = 1000;
const MOST_REMEMBERED_LENGTH = 4000;

export interface PostgresOptions {
  histograms: Histograms;
  pools: PoolWatch;
  /** Called once for each statement, after it was recorded. */
  onQuery: (durationMs: number) => void;
}

interface Running {
  text: string;
  startMs: number;
  tenant: Tenant | undefined;
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
  const record = recorder(options);
  const patched = new WeakSet<object>();
  /** The call to `query` that is being made at this moment. */
  let calling: { client: object; running: Running } | undefined;

  const end = guard((query: object, error: unknown) => {
    const ended = (query as Marked)[RUNNING];
    if (!ended || ended.ended) return;
    ended.ended = true;
    record(ended, error);
  });

  /** Hears of the end of queries of this kind; cursors and streams bring their own methods along. */
  const listen = (query: object) => {
    for (const name of ['handleError', 'handleReadyForQuery']) {
      const owner = Object.hasOwn(query, name) ? query : ownerOf(query, name);
      if (!owner) continue;
      const before = (owner as Record<string, Method>)[name]!;
      if (patched.has(before)) continue;
      wrap(owner, name, (original) => {
        const listened: Method = function (this: object, ...args) {
          end(this, name === 'handleError' ? (args[0] ?? 'unknown') : undefined);
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
          const started = { text, startMs: performance.now(), tenant, ended: false };
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

function recorder({ histograms, onQuery }: PostgresOptions) {
  const histogram = histograms.create({
    scope: 'perfscope.db',
    name: 'db.client.operation.duration',
    unit: 's',
    description: 'Duration of database client operations.',
    boundaries: BOUNDARIES_S,
  });
  const remembered = new Map<string, Fingerprint>();

  const fingerprintOf = (text: string): Fingerprint => {
    const known = remembered.get(text);
    if (known) return known;
    const made = fingerprint(text);
    if (text.length <= MOST_REMEMBERED_LENGTH) {
      // The oldest goes: what is used all the time comes back at once.
      if (remembered.size >= MOST_REMEMBERED) remembered.delete(remembered.keys().next().value!);
      remembered.set(text, made);
    }
    return made;
  };

  return ({ text, startMs, tenant }: Running, error: unknown) => {
    const durationMs = performance.now() - startMs;
    const print = fingerprintOf(text);
    const failure = error === undefined ? undefined : errorType(error);
    const { organizationId = '', propertyId = '' } = tenant ?? {};
    const key = `${print.text}\n${failure ?? ''}\n${organizationId}\n${propertyId}`;
    const kept: Attributes = failure === undefined ? {} : { 'error.type': failure };
    histogram.record(durationMs / 1000, key, () => attributesOf(print, tenant, kept), kept);
    onQuery(durationMs);
  };
}

function attributesOf(print: Fingerprint, tenant: Tenant | undefined, kept: Attributes) {
  const attributes: Attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': print.operation,
    'db.query.text': print.text,
    ...kept,
  };
  if (print.table !== undefined) attributes['db.collection.name'] = print.table;
  if (tenant?.organizationId) attributes[ORGANIZATION] = tenant.organizationId;
  if (tenant?.propertyId) attributes[PROPERTY] = tenant.propertyId;
  return attributes;
}

/** SQLSTATE or Node's code: never the message, which may hold what was queried for. */
function errorType(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (typeof code === 'string' && /^\w{1,40}$/.test(code)) return code;
  return typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : '_OTHER';
}
