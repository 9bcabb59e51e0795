import { readApplicationVariable } from '../../../../core/config/application-variable.ts';
import { formatServer } from '../../databases/postgres/postgres-connects.ts';
import type { QueueReading, QueueSource } from '../queue-gauges.ts';

/** The parts of pg-boss' `Manager` that are used. */
export interface PgBossManager {
  readonly config: { readonly schema?: string };
  readonly db: PgBossConnection;
  readonly stopped?: boolean;
  readonly workers?: ReadonlyMap<string, { readonly name: string }>;
}

interface PgBossConnection {
  readonly config?: {
    readonly connectionString?: unknown;
    readonly host?: unknown;
    readonly port?: unknown;
    readonly database?: unknown;
    readonly user?: unknown;
  };
  readonly opened?: boolean;
  executeSql?(text: string, values?: readonly unknown[]): Promise<{ rows?: DepthRow[] }>;
}

interface DepthRow {
  readonly name: string;
  readonly state: string;
  readonly count: unknown;
  readonly age: unknown;
}

/** Names of the application's own connections in a scope. */
const OTHER_CONNECTION = 'db';
/** Maximum number of queues of a schema. */
const MAX_QUEUES = 1000;
/** Active and failed jobs have no index, so they are only counted if the tables have fewer rows. */
const MAX_SCANNED_ROWS = 100_000;

/** Defaults of pg. */
const VARIABLES = ['PGHOST', 'PGPORT', 'PGDATABASE', 'PGUSER'];

const scopes = new WeakMap<object, string>();

/**
 * Returns the scope of the queues of an instance: `<schema>@<host>:<port>/<database>`. Without a separate connection,
 * it is `<schema>@db`, because the connections of the application have no common form. Never contains credentials.
 */
export function getPgBossScope(manager: PgBossManager): string {
  const known = scopes.get(manager);
  if (known !== undefined) return known;
  const { schema = 'pgboss' } = manager.config;
  const scope = `${schema}@${formatAddress(manager.db)}`;
  scopes.set(manager, scope);
  return scope;
}

/** Whether pg-boss created the connection. Such connections have a configuration and can be closed. */
function isOwnConnection({ config, opened }: PgBossConnection): boolean {
  return typeof config === 'object' && typeof opened === 'boolean';
}

function formatAddress(db: PgBossConnection): string {
  if (!isOwnConnection(db)) return OTHER_CONNECTION;
  const [PGHOST, PGPORT, PGDATABASE, PGUSER] = VARIABLES.map(readApplicationVariable);
  const { connectionString, host, port, database, user } = db.config!;
  const url = typeof connectionString === 'string' ? URL.parse(connectionString) : null;
  const hostText = url?.hostname || toText(host) || PGHOST || 'localhost';
  const databaseText = url?.pathname.slice(1) || toText(database) || PGDATABASE;
  return formatServer({
    host: hostText === 'localhost' || hostText === '[::1]' ? '127.0.0.1' : hostText,
    port: Number(url?.port || toText(port) || PGPORT || 5432),
    database: databaseText || url?.username || toText(user) || PGUSER,
  });
}

function toText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/**
 * Reads the depth of all queues of an instance with one statement. Waiting jobs are in a partial index of pg-boss. Other
 * states have no index, so they are only read from small tables.
 */
export const PG_BOSS_DEPTH: QueueSource<PgBossManager> = {
  system: 'pg-boss',
  isOpen: ({ stopped, db }) => stopped !== true && db.opened !== false,
  async read(manager) {
    const { schema = 'pgboss' } = manager.config;
    // The application's own adapter runs only statements that the application expects.
    if (!isOwnConnection(manager.db) || !/^[\w$]+$/.test(schema)) return [];
    const result = await manager.db.executeSql!(formatDepthQuery(schema));
    return toReadings(result?.rows ?? [], manager);
  },
};

function formatDepthQuery(schema: string): string {
  const age = 'EXTRACT(epoch FROM now() - GREATEST(created_on, start_after))';
  return `
    WITH size AS (
      SELECT COALESCE(sum(GREATEST(c.reltuples, 0)), 0) AS rows
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = to_regclass('${schema}.job')
    ), waiting AS (
      SELECT name, CASE WHEN start_after > now() THEN 'delayed' ELSE 'waiting' END AS state,
        count(*) AS count, max(${age}) AS age
      FROM ${schema}.job WHERE state < 'active' GROUP BY 1, 2
    ), others AS (
      SELECT name, state::text AS state, count(*) AS count, NULL::numeric AS age
      FROM ${schema}.job
      WHERE state IN ('active', 'failed') AND (SELECT rows FROM size) < ${MAX_SCANNED_ROWS}
      GROUP BY 1, 2
    ), queues AS (
      SELECT name FROM ${schema}.queue WHERE left(name, 10) <> '__pgboss__' ORDER BY name LIMIT ${MAX_QUEUES}
    )
    SELECT q.name, s.state, s.count, s.age FROM queues q
    LEFT JOIN (
      SELECT name, state, count, age::float8 AS age FROM waiting
      UNION ALL SELECT name, state, count, age::float8 FROM others
      UNION ALL SELECT NULL, CASE WHEN rows < ${MAX_SCANNED_ROWS} THEN 'active' END, 0, NULL FROM size
    ) s ON s.name = q.name OR s.name IS NULL`;
}

function toReadings(rows: readonly DepthRow[], manager: PgBossManager): QueueReading[] {
  const scope = getPgBossScope(manager);
  return [...Map.groupBy(rows, ({ name }) => name)].map(([name, states]) => {
    const counts = new Map([
      ['waiting', 0],
      ['delayed', 0],
    ]);
    let oldestAgeSeconds = 0;
    for (const { state, count, age } of states) {
      if (state === null) continue;
      // The row without jobs shows only that the states without an index were counted.
      for (const each of state === 'active' ? ['active', 'failed'] : [])
        counts.set(each, counts.get(each) ?? 0);
      counts.set(state, Math.max(counts.get(state) ?? 0, Number(count)));
      if (state === 'waiting') oldestAgeSeconds = Math.max(0, Number(age));
    }
    return { name, scope, counts, oldestAgeSeconds };
  });
}
