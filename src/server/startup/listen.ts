import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createError } from '../../core/perfscope-error.ts';
import { type ConnectionLimits, createLimitedServer } from '../access/connection-limiter.ts';

/** The first port to try if PORT is not set. */
export const DEFAULT_PORT = 4001;
const MAX_PORT_ATTEMPTS = 20;

/**
 * Starts an HTTP server on `port`. If `port` is undefined, uses the first free port, starting at
 * 4001.
 *
 * @param setting name of the setting with the port, for the error message
 * @throws PS_PORT_TAKEN
 */
export async function listen(
  app: RequestListener,
  host: string,
  port: number | undefined,
  limits: ConnectionLimits = {},
  setting = 'PORT',
): Promise<{ server: Server; url: string }> {
  for (let attempt = 0; ; attempt++) {
    const candidate = port ?? DEFAULT_PORT + attempt;
    const server = createLimitedServer(app, limits);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(candidate, host, resolve);
      });
      const { port: actualPort } = server.address() as AddressInfo;
      const urlHost = host.includes(':') ? `[${host}]` : host;
      return { server, url: `http://${urlHost}:${actualPort}` };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (port !== undefined || attempt >= MAX_PORT_ATTEMPTS) {
        throw createError('PS_PORT_TAKEN', { host, port: candidate, setting }, error);
      }
    }
  }
}
