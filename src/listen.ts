import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { coded } from './errors.ts';

/** Where a server listens whose PORT is not set. */
export const USUAL_PORT = 4001;
const TRIES = 20;

/**
 * Listens on `port`; without one on 4001, or the next that is free.
 *
 * @throws PS_PORT_TAKEN
 */
export async function listen(
  app: RequestListener,
  host: string,
  port: number | undefined,
): Promise<{ server: Server; url: string }> {
  for (let attempt = 0; ; attempt++) {
    const wanted = port ?? USUAL_PORT + attempt;
    const server = createServer(app);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(wanted, host, resolve);
      });
      const { port: bound } = server.address() as AddressInfo;
      const shown = host.includes(':') ? `[${host}]` : host;
      return { server, url: `http://${shown}:${bound}` };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (port !== undefined || attempt >= TRIES) {
        throw coded('PS_PORT_TAKEN', { host, port: wanted }, error);
      }
    }
  }
}
