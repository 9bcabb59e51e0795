import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { findProxyUser, readPeerUid } from '../../../../src/server/access/peer-user.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

const FOREIGN_UID = 4_000_033;
const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid';

/** Formats a line of `/proc/net/tcp`. The client uses port 51000, and the server port 4001. */
function formatLine(local: string, remote: string, uid: number): string {
  return `   1: ${local} ${remote} 01 00000000:00000000 00:00000000 00000000  ${uid}        0 12345 1 0 100 0 0 10 0`;
}
const SERVER_LINE = formatLine('0100007F:0FA1', '0100007F:C738', 1000);
const CLIENT_LINE = formatLine('0100007F:C738', '0100007F:0FA1', FOREIGN_UID);

function createFiles(userName: string, files: Record<string, string> = {}) {
  return (path: string) => {
    const text = {
      '/proc/net/tcp': [HEAD, SERVER_LINE, CLIENT_LINE].join('\n'),
      '/proc/net/tcp6': HEAD,
      '/etc/passwd': `root:x:0:0::/:/bin/sh\n${userName}:x:${FOREIGN_UID}:33::/:/bin/sh\n`,
      ...files,
    }[path];
    if (text === undefined) throw new Error(`ENOENT: ${path}`);
    return text;
  };
}

const createConnection = () => ({ localPort: 4001, remotePort: 51_000, remoteFamily: 'IPv4' });

describe('findProxyUser', () => {
  it.each(['www-data', 'nginx', 'haproxy', 'caddy', 'apache'])('recognizes %s', (name) => {
    expect(findProxyUser(createConnection(), createFiles(name))).toBe(name);
  });

  it('recognizes a proxy that connects over IPv6', () => {
    const files = { '/proc/net/tcp6': `${HEAD}\n${CLIENT_LINE}`, '/proc/net/tcp': HEAD };
    const connection = { ...createConnection(), remoteFamily: 'IPv6' };
    expect(findProxyUser(connection, createFiles('nginx', files))).toBe('nginx');
  });

  it.each<[string, ReturnType<typeof createFiles>]>([
    ['another user', createFiles('ann')],
    ['an unknown connection', createFiles('nginx', { '/proc/net/tcp': HEAD })],
    ['a user without a name', createFiles('nginx', { '/etc/passwd': 'root:x:0:0::/:/bin/sh' })],
    [
      'an operating system without these files',
      () => {
        throw new Error('ENOENT');
      },
    ],
  ])('returns undefined for %s', (_case, read) => {
    expect(findProxyUser(createConnection(), read)).toBeUndefined();
  });

  it('returns undefined if the server runs as the same user', () => {
    const line = formatLine('0100007F:C738', '0100007F:0FA1', process.getuid!());
    const files = {
      '/proc/net/tcp': line,
      '/etc/passwd': `www-data:x:${process.getuid!()}:33::/:/bin/sh`,
    };
    expect(findProxyUser(createConnection(), createFiles('www-data', files))).toBeUndefined();
  });

  it('reads the files once for each connection', () => {
    const connection = createConnection();
    expect(findProxyUser(connection, createFiles('nginx'))).toBe('nginx');
    const fail = () => {
      throw new Error('read again');
    };
    expect(findProxyUser(connection, fail)).toBe('nginx');
  });
});

it('finds the user of a real connection', async () => {
  const server = createServer();
  const port = await listenOnFreePort(server);
  const client = connect(port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  try {
    expect(readPeerUid(socket)).toBe(process.getuid!());
    expect(findProxyUser(socket)).toBeUndefined();
  } finally {
    client.destroy();
    socket.destroy();
    server.close();
  }
});
