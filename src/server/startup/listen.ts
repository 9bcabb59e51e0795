import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createError } from '../../core/errors.ts';

/** Where a server listens whose PORT is not set. */
export const DEFAULT_PORT = 4001;
const MAX_PORT_ATTEMPTS = 20;

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
    const wanted = port ?? DEFAULT_PORT + attempt;
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
      if (port !== undefined || attempt >= MAX_PORT_ATTEMPTS) {
        throw createError('PS_PORT_TAKEN', { host, port: wanted }, error);
      }
    }
  }
}
