/** The parts of an ioredis, Cluster, or node-redis client, or of connection options, that are read. */
interface Connection {
  options?: Connection;
  startupNodes?: unknown;
  sentinels?: unknown;
  name?: unknown;
  url?: unknown;
  path?: unknown;
  host?: unknown;
  port?: unknown;
  db?: unknown;
  database?: unknown;
  socket?: Connection;
}

/** The parts of a BullMQ `Queue`, `Worker`, or `FlowProducer` that are read. */
interface QueueLike {
  name?: string;
  opts?: { prefix?: unknown; connection?: unknown };
}

const DEFAULT_PREFIX = 'bull';
const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 6379;

const scopes = new WeakMap<object, string>();

/**
 * Returns the scope of a queue: `<prefix>@<host>:<port>/<db>`. Queues with the same name and different
 * scopes are different queues. A cluster's address is its first node in alphabetical order. With
 * Sentinel, the address is the master's name. With a Unix socket, it is the path. Never contains
 * credentials.
 *
 * @param producer the `FlowProducer` that created `queue`, because its jobs' queues have no connection
 */
export function getQueueScope(queue: object, producer: object = queue): string {
  const known = scopes.get(queue);
  if (known !== undefined) return known;
  const { prefix = DEFAULT_PREFIX } = (queue as QueueLike).opts ?? {};
  return setQueueScope(queue, String(prefix), (producer as QueueLike).opts?.connection);
}

/**
 * Stores the scope of a queue, and returns it.
 *
 * @param connection a client, or connection options
 */
export function setQueueScope(queue: object, prefix: string, connection: unknown): string {
  const scope = `${prefix}@${formatAddress(connection)}`;
  scopes.set(queue, scope);
  return scope;
}

/** Returns a key of a queue that is unique across scopes. */
export function toQueueKey(queue: object): string {
  return `${getQueueScope(queue)}\n${(queue as QueueLike).name}`;
}

function formatAddress(connection: unknown): string {
  const client = (connection ?? {}) as Connection;
  const nodes = Array.isArray(client.startupNodes) ? client.startupNodes : [];
  if (nodes.length > 0) return `${nodes.map(formatNode).sort()[0]}/0`;
  const options = client.options ?? client;
  const fromUrl = parseUrl(options.url);
  const db = options.db ?? options.database ?? fromUrl?.db ?? 0;
  if (Array.isArray(options.sentinels)) return `${options.name ?? 'mymaster'}/${db}`;
  const { socket = {} } = options;
  const path = options.path ?? socket.path;
  if (typeof path === 'string') return `${path}/${db}`;
  const { host, port } = fromUrl ?? { host: undefined, port: undefined };
  const address = {
    host: host ?? options.host ?? socket.host,
    port: port ?? options.port ?? socket.port,
  };
  return `${formatNode(address)}/${db}`;
}

/** Formats a node of a cluster, or a server. A node can be a URL, a port, or an object. */
function formatNode(node: unknown): string {
  if (typeof node === 'number') return `${DEFAULT_HOST}:${node}`;
  const { host, port } = ((typeof node === 'string' ? parseUrl(node) : node) ?? {}) as Connection;
  const name = host === undefined || isLoopback(String(host)) ? DEFAULT_HOST : String(host);
  return `${name.includes(':') ? `[${name}]` : name}:${port ?? DEFAULT_PORT}`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '';
}

/** Returns the address in a Redis URL, or undefined if the text is not a valid URL. */
function parseUrl(
  text: unknown,
): { host: string; port: string | undefined; db: string } | undefined {
  if (typeof text !== 'string') return undefined;
  const url = URL.parse(text.includes('://') ? text : `redis://${text}`);
  if (!url) return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host, port: url.port || undefined, db: url.pathname.slice(1) || '0' };
}

/** Returns the scope of another prefix on the same Redis server. */
export function replaceScopePrefix(scope: string, prefix: string): string {
  return prefix + scope.slice(scope.lastIndexOf('@'));
}
