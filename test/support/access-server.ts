import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { type Access, openAccess } from '../../src/access/access.ts';
import type { Permission } from '../../src/access/roles.ts';
import { authenticate } from '../../src/api/authenticate.ts';
import { callerOf, guard } from '../../src/api/caller.ts';
import { keyEndpoint, keysEndpoint } from '../../src/api/endpoints/keys.ts';
import type { Parts } from '../../src/api/parts.ts';
import { problems } from '../../src/api/problem.ts';
import { limitRequests } from '../../src/api/rate-limit.ts';
import { apiRoutes } from '../../src/api/routes.ts';
import { externalQuestdb } from '../../src/config/external.ts';
import { parseSettings } from '../../src/config/settings.ts';
import type { Log } from '../../src/log.ts';
import { Reader } from '../../src/questdb/reader.ts';
import { DroppedRows } from '../../src/write/dropped.ts';
import { Writer } from '../../src/write/writer.ts';

export interface AccessServerOptions {
  env: NodeJS.ProcessEnv;
  spoolDir: string;
  log: Log;
  now?: () => number;
}

/** A server of the product's parts that know who asks, on loopback. */
export class AccessServer {
  readonly access: Access;
  readonly url: string;
  readonly #server: Server;
  readonly #close: () => Promise<void>;

  private constructor(access: Access, server: Server, close: () => Promise<void>) {
    this.access = access;
    this.#server = server;
    this.#close = close;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start({ env, spoolDir, log, now }: AccessServerOptions): Promise<AccessServer> {
    const { settings, problems: wrong } = parseSettings(env);
    if (wrong[0]) throw wrong[0];
    const targets = externalQuestdb(settings)!;
    const reader = new Reader(targets.read);
    const writer = new Writer({
      spoolDir,
      spoolMaxBytes: 1e9,
      retentionDays: 30,
      bufferSize: 10,
      log,
      dropped: new DroppedRows(),
      flushIntervalMs: 60_000,
      target: () => targets.write,
      prepare: async () => {},
    });
    const road = { read: reader.read, add: writer.add, flush: () => writer.flush(2000) };
    const close = async () => {
      await writer.close();
      await reader.close();
    };
    try {
      const access = await openAccess({ settings, ...road, ...(now && { now }) });
      const app = express();
      const mostRequests = settings.PERFORMANCE_API_RATE_LIMIT;
      app.use(['/who', '/may'], authenticate(access.identify, 20), limitRequests(mostRequests));
      app.get('/who', (_request, response) => {
        response.json(callerOf(response).principal);
      });
      app.get(
        '/may/:permission',
        (request, response, next) =>
          guard(request.params.permission as Permission)(request, response, next),
        (_request, response) => {
          response.json({ ok: true });
        },
      );
      // The other parts are not asked for by what is about keys.
      const parts: Partial<Parts> = { access, mostRequests };
      app.use(apiRoutes(parts as Parts, [keysEndpoint, keyEndpoint]));
      app.use(problems(log));
      const server = createServer(app);
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      return new AccessServer(access, server, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** @param key sent as a Bearer credential */
  async ask(path: string, key?: string, init: RequestInit = {}) {
    const headers = {
      ...(key && { authorization: `Bearer ${key}` }),
      ...(init.body && { 'content-type': 'application/json' }),
      ...init.headers,
    };
    const response = await fetch(this.url + path, { ...init, headers });
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body };
  }

  /** `POST /api/performance/keys`. */
  make(body: object, key?: string) {
    const init = { method: 'POST', body: JSON.stringify(body) };
    return this.#one('/api/performance/keys', key, init);
  }

  revoke(id: string, key?: string) {
    return this.#one(`/api/performance/keys/${id}`, key, { method: 'DELETE' });
  }

  /** The one key that an answer is about, or the problem. */
  async #one(path: string, key: string | undefined, init: RequestInit) {
    const answer = await this.ask(path, key, init);
    const keys = answer.body.keys as Record<string, unknown>[] | undefined;
    return { ...answer, body: keys?.[0] ?? answer.body };
  }

  async close(): Promise<void> {
    this.access.close();
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
    await this.#close();
  }
}
