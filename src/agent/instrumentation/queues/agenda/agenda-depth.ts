import type { QueueReading, QueueSource } from '../queue-gauges.ts';
import { type AgendaCollection, getDueMs } from './agenda-jobs.ts';

/** Maximum number of job names to read for a collection. */
const MAX_NAMES = 500;
/** Active and failed jobs have no index. If their query takes longer, it isn't repeated. */
const MAX_QUERY_MS = 1000;

interface MongoClient {
  readonly topology?: unknown;
  readonly options?: { readonly hosts?: readonly HostAddress[] };
}

interface HostAddress {
  readonly host?: string;
  readonly port?: number;
  readonly socketPath?: string;
}

/** Internals of a collection that older and newer drivers have. */
interface CollectionInternals {
  readonly s?: { readonly db?: DatabaseInternals };
  readonly client?: MongoClient;
}

interface DatabaseInternals {
  readonly client?: MongoClient;
  readonly s?: { readonly client?: MongoClient };
}

/** The job names of a collection that this process has used. */
interface KnownNames {
  readonly names: Set<string>;
  isSlow: boolean;
}

const scopes = new WeakMap<object, string>();
const namesByScope = new Map<string, KnownNames>();
/** Maximum number of collections. */
const MAX_COLLECTIONS = 100;

/**
 * Returns the scope of the jobs in a collection: `<collection>@<host>:<port>/<database>`. The address of a replica set is
 * its first host in alphabetical order.
 */
export function getAgendaScope(collection: AgendaCollection): string {
  const known = scopes.get(collection);
  if (known !== undefined) return known;
  const hosts = (getClient(collection)?.options?.hosts ?? []).map(formatHost).sort();
  const { collectionName, dbName } = collection;
  const scope = `${collectionName}@${hosts[0] ?? 'mongodb'}/${dbName}`;
  scopes.set(collection, scope);
  return scope;
}

/** Adds the name of a job to those whose depth is read. */
export function addAgendaName(scope: string, name: string): void {
  let known = namesByScope.get(scope);
  if (!known) {
    if (namesByScope.size >= MAX_COLLECTIONS) return;
    known = { names: new Set(), isSlow: false };
    namesByScope.set(scope, known);
  }
  if (known.names.size < MAX_NAMES) known.names.add(name);
}

function getClient(collection: AgendaCollection): MongoClient | undefined {
  const { s, client } = collection as unknown as CollectionInternals;
  return client ?? s?.db?.client ?? s?.db?.s?.client;
}

function formatHost({ host, port, socketPath }: HostAddress): string {
  if (socketPath !== undefined) return socketPath;
  const isLoopback = host === 'localhost' || host === '::1';
  const name = isLoopback ? '127.0.0.1' : (host ?? '127.0.0.1');
  return `${name.includes(':') ? `[${name}]` : name}:${port ?? 27_017}`;
}

/**
 * Reads the jobs that this process defines or adds. Their names are the first field of Agenda's index, and the time of
 * the next run is the second.
 */
export const AGENDA_DEPTH: QueueSource<AgendaCollection> = {
  system: 'agenda',
  // A closed client has no topology.
  isOpen: (collection) => getClient(collection)?.topology !== undefined,
  forget: (scope) => void namesByScope.delete(scope),
  async read(collection, scope) {
    const known = namesByScope.get(scope);
    if (!known) return [];
    try {
      return await readCollection(collection, scope, known);
    } catch (error) {
      // The application closed its client during the poll.
      const { name } = (error ?? {}) as { name?: unknown };
      return typeof name === 'string' && CLOSED_CLIENT.test(name) ? [] : undefined;
    }
  },
};

/** Names of the driver's errors after the application closes the client. */
const CLOSED_CLIENT = /Closed|NotConnected|ExpiredSession/;
/** Code of MongoDB's error for a query that takes longer than `maxTimeMS`. */
const MAX_TIME_EXPIRED = 50;

async function readCollection(
  collection: AgendaCollection,
  scope: string,
  known: KnownNames,
): Promise<QueueReading[]> {
  const names = [...known.names];
  const now = new Date();
  const isReady = { disabled: { $ne: true }, lockedAt: null };
  const count = (filter: object) => countByName(collection, names, filter);
  const [waiting, delayed] = await Promise.all([
    count({ ...isReady, nextRunAt: { $lte: now } }),
    count({ ...isReady, nextRunAt: { $gt: now } }),
  ]);
  const others = known.isSlow
    ? undefined
    : await Promise.all([
        count({ lockedAt: { $ne: null } }),
        count({ failCount: { $gt: 0 }, nextRunAt: null, lockedAt: null }),
      ]).catch((error: unknown) => {
        if ((error as { code?: unknown } | null)?.code !== MAX_TIME_EXPIRED) throw error;
        known.isSlow = true;
        return undefined;
      });
  const readings = names.map(async (name): Promise<QueueReading> => {
    const filter = { name, ...isReady, nextRunAt: { $lte: now } };
    const oldest = waiting.has(name) ? await findOldestMs(collection, filter) : undefined;
    const counts = new Map([
      ['waiting', waiting.get(name) ?? 0],
      ['delayed', delayed.get(name) ?? 0],
    ]);
    if (others) {
      counts.set('active', others[0].get(name) ?? 0);
      counts.set('failed', others[1].get(name) ?? 0);
    }
    const oldestAgeSeconds = oldest === undefined ? 0 : Math.max(0, now.getTime() - oldest) / 1000;
    return { name, scope, counts, oldestAgeSeconds };
  });
  return Promise.all(readings);
}

async function countByName(
  collection: AgendaCollection,
  names: readonly string[],
  filter: object,
): Promise<ReadonlyMap<string, number>> {
  const pipeline = [
    { $match: { name: { $in: names }, ...filter } },
    { $group: { _id: '$name', count: { $sum: 1 } } },
  ];
  const groups = await collection.aggregate(pipeline, { maxTimeMS: MAX_QUERY_MS }).toArray();
  return new Map(
    (groups as { _id: string; count: number }[]).map(({ _id, count }) => [_id, Number(count)]),
  );
}

async function findOldestMs(
  collection: AgendaCollection,
  filter: object,
): Promise<number | undefined> {
  const options = { sort: { nextRunAt: 1 }, projection: { nextRunAt: 1 }, maxTimeMS: MAX_QUERY_MS };
  const job = await collection.findOne(filter, options);
  return job ? getDueMs(job) : undefined;
}
