const { hostname, port, username, password, pathname, protocol } = new URL(
  process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
);

exports.QUEUE = 'confirmations';

/** Options of BullMQ's connection. */
exports.connection = {
  host: hostname,
  port: Number(port || 6379),
  username: decodeURIComponent(username) || undefined,
  password: decodeURIComponent(password) || undefined,
  db: Number(pathname.slice(1) || 0),
  tls: protocol === 'rediss:' ? {} : undefined,
  // A worker waits while Redis is down. With another value, BullMQ rejects the connection.
  maxRetriesPerRequest: null,
};
