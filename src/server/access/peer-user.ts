import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/**
 * Users of proxies in the packages of Linux distributions. By default, current versions of nginx and
 * HAProxy forward a request without any sign of it. So the user of the client's socket is checked too.
 */
const PROXY_USERS = new Set([
  ...['www-data', 'nginx', 'angie', 'apache', 'http', 'httpd', 'www', 'wwwrun', 'nobody'],
  ...['haproxy', 'caddy', 'traefik', 'envoy', 'istio-proxy', 'lighttpd', 'squid', 'proxy'],
  ...['varnish', 'vcache', 'cloudflared', 'oauth2-proxy', 'stunnel4', 'tinyproxy', 'pound'],
]);

/** The files of the kernel and the system, which tests replace. */
export type ReadSystemFile = (path: string) => string;

const readSystemFile: ReadSystemFile = (path) => readFileSync(path, 'utf8');

/** One connection, as its server sees it. */
export type PeerConnection = Pick<Socket, 'localPort' | 'remotePort' | 'remoteFamily'>;

const knownUsers = new WeakMap<object, string | undefined>();

/**
 * Returns the name of a proxy's user if the client's end of a loopback connection belongs to one. The
 * users come from `/proc/net/tcp`, so this works only on Linux. Each connection is checked once.
 *
 * @returns undefined for other users, and if the user is unknown
 */
export function findProxyUser(
  connection: PeerConnection,
  read: ReadSystemFile = readSystemFile,
): string | undefined {
  if (!knownUsers.has(connection)) knownUsers.set(connection, readProxyUser(connection, read));
  return knownUsers.get(connection);
}

function readProxyUser(connection: PeerConnection, read: ReadSystemFile): string | undefined {
  try {
    const uid = readPeerUid(connection, read);
    // If the server itself runs as this user, its other processes do too.
    if (uid === undefined || uid === process.getuid?.()) return undefined;
    const names = read('/etc/passwd')
      .split('\n')
      .map((line) => line.split(':'))
      .filter(([, , id]) => Number(id) === uid)
      .map(([name = '']) => name);
    return names.find((name) => PROXY_USERS.has(name));
  } catch {
    return undefined;
  }
}

/**
 * Returns the user ID of the client's socket on Linux, or undefined if it isn't found.
 *
 * @throws the error of `read`, on other operating systems
 */
export function readPeerUid(
  { localPort, remotePort, remoteFamily }: PeerConnection,
  read: ReadSystemFile = readSystemFile,
): number | undefined {
  if (localPort === undefined || remotePort === undefined) return undefined;
  // The local port of the client is the remote port of the server.
  const [clientPort, serverPort] = [formatPort(remotePort), formatPort(localPort)];
  // A server on `::` can also receive IPv4 connections, whose client is in the IPv4 table.
  const tables = remoteFamily === 'IPv4' ? ['tcp', 'tcp6'] : ['tcp6', 'tcp'];
  for (const table of tables) {
    for (const line of read(`/proc/net/${table}`).split('\n')) {
      const [, local = '', remote = '', , , , , uid] = line.trim().split(/\s+/);
      if (local.endsWith(clientPort) && remote.endsWith(serverPort)) return Number(uid);
    }
  }
  return undefined;
}

function formatPort(port: number): string {
  return `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}
