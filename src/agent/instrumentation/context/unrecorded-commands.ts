import { ExistingObject } from '../loading/hidden-property.ts';

let isRunningUnrecorded = false;

/**
 * Runs `fn`, whose database commands and outgoing calls are not recorded, because Perfscope or a library that is
 * measured itself sends them. Applies only to commands and calls that `fn` sends synchronously.
 */
export function runUnrecorded<T>(fn: () => T): T {
  const outer = isRunningUnrecorded;
  isRunningUnrecorded = true;
  try {
    return fn();
  } finally {
    isRunningUnrecorded = outer;
  }
}

/** Whether the current code runs inside {@link runUnrecorded}. */
export function isUnrecorded(): boolean {
  return isRunningUnrecorded;
}

const MAX_ORIGINS = 100;
/** Servers of clients that are measured as databases, with the name of a header of each client. */
const unrecordedOrigins = new Map<string, string>();

/**
 * Adds a server whose requests with this header aren't outgoing calls. A connection pool can send a request later, so
 * {@link runUnrecorded} misses it.
 */
export function addUnrecordedOrigin(origin: string, header: string): void {
  if (unrecordedOrigins.has(origin) || unrecordedOrigins.size >= MAX_ORIGINS) return;
  unrecordedOrigins.set(origin, header);
}

/** Whether a client that is measured as a database sends a request. */
export function isUnrecordedRequest(origin: unknown, headers: unknown): boolean {
  if (unrecordedOrigins.size === 0) return false;
  const header = unrecordedOrigins.get(origin instanceof URL ? origin.origin : String(origin));
  if (header === undefined) return false;
  if (Array.isArray(headers)) return headers.includes(header);
  return typeof headers === 'string' && headers.includes(header);
}

/**
 * Marks what belongs to a queue library: the options of its connections, and the classes of its scripts. Their
 * commands are parts of queue operations, so they are not recorded as commands of the application.
 */
export class QueueOwnedField extends ExistingObject {
  #isOwned: boolean;

  private constructor(target: object) {
    super(target);
    this.#isOwned = true;
  }

  static has(target: object | undefined): boolean {
    return target !== undefined && #isOwned in target && target.#isOwned;
  }

  static set(target: object): void {
    if (!(#isOwned in target)) new QueueOwnedField(target);
  }
}

/** Maximum number of queues that share a client. */
const MAX_PREFIXES = 10_000;

/** Stores the key prefixes of queues on the options of a client that the application shares with a queue library. */
export class QueueKeysField extends ExistingObject {
  /** The oldest one comes first. */
  #prefixes: Set<string>;
  /** The prefixes of many queues have only a few lengths, so few lookups are needed for a key. */
  #lengths: Set<number>;

  private constructor(options: object) {
    super(options);
    this.#prefixes = new Set();
    this.#lengths = new Set();
  }

  /** Forgets the oldest queue if there are too many. It is probably closed. */
  static add(options: object, prefix: string): void {
    if (!(#prefixes in options)) new QueueKeysField(options);
    const field = options as QueueKeysField;
    const prefixes = field.#prefixes;
    prefixes.delete(prefix);
    if (prefixes.size >= MAX_PREFIXES) prefixes.delete(prefixes.values().next().value!);
    prefixes.add(prefix);
    field.#lengths.add(prefix.length);
  }

  /** Whether a key belongs to a queue that uses the client with these options. */
  static hasKey(options: object | undefined, key: unknown): boolean {
    if (options === undefined || !(#prefixes in options) || typeof key !== 'string') return false;
    for (const length of options.#lengths) {
      if (options.#prefixes.has(key.slice(0, length))) return true;
    }
    return false;
  }
}

/** Maximum number of collections of queues. */
const MAX_COLLECTIONS = 1000;

/** Databases and collections of queues, in the form `<database>.<collection>`. */
const queueCollections = new Set<string>();

/** Marks a MongoDB collection that a queue library uses. Its commands are parts of queue operations. */
export function addQueueCollection(database: string, collection: string): void {
  if (queueCollections.size < MAX_COLLECTIONS) queueCollections.add(`${database}.${collection}`);
}

/** Whether a command belongs to a queue. `namespace` is a namespace of the MongoDB driver. */
export function isQueueCollection(namespace: unknown): boolean {
  if (queueCollections.size === 0) return false;
  const { db, collection } = (namespace ?? {}) as { db?: unknown; collection?: unknown };
  return queueCollections.has(`${String(db)}.${String(collection)}`);
}
