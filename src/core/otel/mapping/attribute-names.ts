/*
 * Current names of attributes that older semantic conventions named differently
 * (https://opentelemetry.io/docs/specs/semconv/http/migration-guide/ and …/database/…).
 */

const HTTP_NAMES: readonly [old: string, current: string][] = [
  ['http.method', 'http.request.method'],
  ['http.status_code', 'http.response.status_code'],
  ['http.scheme', 'url.scheme'],
  ['http.flavor', 'network.protocol.version'],
  ['http.server_name', 'server.address'],
  ['http.host', 'server.address'],
  ['net.host.name', 'server.address'],
  ['net.host.port', 'server.port'],
  ['net.peer.name', 'server.address'],
  ['net.peer.port', 'server.port'],
  ['net.protocol.name', 'network.protocol.name'],
  ['net.protocol.version', 'network.protocol.version'],
  ['net.transport', 'network.transport'],
];
const DATABASE_NAMES: readonly [old: string, current: string][] = [
  ['db.system', 'db.system.name'],
  ['db.name', 'db.namespace'],
  ['db.operation', 'db.operation.name'],
  ['db.statement', 'db.query.text'],
  ['db.sql.table', 'db.collection.name'],
  ['db.mongodb.collection', 'db.collection.name'],
  ['db.cassandra.table', 'db.collection.name'],
  ['db.redis.database_index', 'db.namespace'],
  ['pool.name', 'db.client.connection.pool.name'],
];
const MESSAGING_NAMES: readonly [old: string, current: string][] = [
  ['messaging.operation', 'messaging.operation.type'],
  ['messaging.destination', 'messaging.destination.name'],
  ['messaging.kafka.consumer.group', 'messaging.consumer.group.name'],
  ['messaging.kafka.consumer_group', 'messaging.consumer.group.name'],
  ['messaging.kafka.partition', 'messaging.destination.partition.id'],
  ['messaging.rabbitmq.routing_key', 'messaging.rabbitmq.destination.routing_key'],
];
const RPC_NAMES: readonly [old: string, current: string][] = [
  ['rpc.system', 'rpc.system.name'],
  ['rpc.grpc.status_code', 'rpc.response.status_code'],
  ['rpc.connect_rpc.error_code', 'rpc.response.status_code'],
];

const STATUS_NAMES: readonly [old: string, current: string][] = [
  ['status.code', 'otel.status_code'],
];

const CURRENT_NAMES = new Map([
  ...HTTP_NAMES,
  ...DATABASE_NAMES,
  ...MESSAGING_NAMES,
  ...RPC_NAMES,
  ...STATUS_NAMES,
]);

/** Returns the current name of an attribute. */
export function toCurrentName(name: string): string {
  return CURRENT_NAMES.get(name) ?? name;
}

/** Raw URLs, addresses of clients, and other values that identify a person or are different for each request. */
const DROPPED_NAMES = new Set([
  'client.address',
  'client.port',
  'db.connection_string',
  'db.query.parameters',
  'db.user',
  'enduser.id',
  'enduser.pseudo.id',
  'http.client_ip',
  'http.request.method_original',
  'http.target',
  'http.url',
  'http.user_agent',
  'net.peer.ip',
  'net.sock.host.addr',
  'net.sock.host.port',
  'net.sock.peer.addr',
  'net.sock.peer.name',
  'net.sock.peer.port',
  'network.local.address',
  'network.local.port',
  'network.peer.address',
  'network.peer.port',
  'session.id',
  'url.fragment',
  'url.full',
  'url.path',
  'url.query',
  'user.email',
  'user.full_name',
  'user.hash',
  'user.id',
  'user.name',
  'user_agent.original',
]);
const DROPPED_PREFIXES = [
  'db.query.parameter.',
  'enduser.',
  'http.request.header.',
  'http.response.header.',
  'rpc.grpc.request.metadata.',
  'rpc.grpc.response.metadata.',
];

/** Whether an attribute is never stored as a tag. */
export function isDroppedAttribute(name: string): boolean {
  return DROPPED_NAMES.has(name) || DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix));
}
