import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

/** Starts `server` on a free loopback port, and names it. */
export async function listenOnFreePort(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
