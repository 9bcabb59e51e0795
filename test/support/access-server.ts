import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { getExternalQuestdbTargets } from '../../src/core/config/questdb-targets.ts';
import { parseSettings } from '../../src/core/config/settings.ts';
import type { Logger } from '../../src/core/log.ts';
import { type AccessControl, createAccessControl } from '../../src/server/access/access-control.ts';
import type { Permission } from '../../src/server/access/roles.ts';
import { createApiRouter } from '../../src/server/api/api-router.ts';
import type { EndpointDependencies } from '../../src/server/api/endpoint-definition.ts';
import { keyEndpoint, keysEndpoint } from '../../src/server/api/endpoints/keys-endpoints.ts';
import { authenticate } from '../../src/server/api/middleware/authentication-middleware.ts';
import {
  getCaller,
  requirePermission,
} from '../../src/server/api/middleware/authorization-middleware.ts';
import { limitRequests } from '../../src/server/api/middleware/rate-limit-middleware.ts';
import { createErrorHandler } from '../../src/server/api/problem-details.ts';
import { QuestdbReader } from '../../src/storage/questdb/questdb-reader.ts';
import { DroppedRowCounter } from '../../src/storage/write/dropped-rows.ts';
import { RowWriter } from '../../src/storage/write/row-writer.ts';

export interface AccessServerOptions {
  env: NodeJS.ProcessEnv;
  spoolDir: string;
  log: Logger;
  now?: () => number;
}

/** A server of the product's parts that know who asks, on loopback. */
export class AccessServer {
  readonly access: AccessControl;
  readonly url: string;
  readonly #server: Server;
  readonly #close: () => Promise<void>;

  private constructor(access: AccessControl, server: Server, close: () => Promise<void>) {
    this.access = access;
    this.#server = server;
    this.#close = close;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start({ env, spoolDir, log, now }: AccessServerOptions): Promise<AccessServer> {
    const { settings, problems: wrong } = parseSettings(env);
    if (wrong[0]) throw wrong[0];
    const targets = getExternalQuestdbTargets(settings)!;
    const reader = new QuestdbReader(targets.read);
    const writer = new RowWriter({
      spoolDir,
      spoolMaxBytes: 1e9,
      retentionDays: 30,
      bufferSize: 10,
      log,
      dropped: new DroppedRowCounter(),
      flushIntervalMs: 60_000,
      target: () => targets.write,
      ensureTables: async () => {},
    });
    const road = { read: reader.read, add: writer.add, flush: () => writer.flush(2000) };
    const close = async () => {
      await writer.close();
      await reader.close();
    };
    try {
      const access = await createAccessControl({ settings, ...road, ...(now && { now }) });
      const app = express();
      const mostRequests = settings.PERFORMANCE_API_RATE_LIMIT;
      app.use(['/who', '/may'], authenticate(access.authenticate, 20), limitRequests(mostRequests));
      app.get('/who', (_request, response) => {
        response.json(getCaller(response).principal);
      });
      app.get(
        '/may/:permission',
        (request, response, next) =>
          requirePermission(request.params.permission as Permission)(request, response, next),
        (_request, response) => {
          response.json({ ok: true });
        },
      );
      // The other parts are not asked for by what is about keys.
      const parts: Partial<EndpointDependencies> = { access, maxRequestsPerMinute: mostRequests };
      app.use(createApiRouter(parts as EndpointDependencies, [keysEndpoint, keyEndpoint]));
      app.use(createErrorHandler(log));
      const server = createServer(app);
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      return new AccessServer(access, server, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** @param key sent as a Bearer credential */
  async request(path: string, key?: string, init: RequestInit = {}) {
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
  createKey(body: object, key?: string) {
    const init = { method: 'POST', body: JSON.stringify(body) };
    return this.#one('/api/performance/keys', key, init);
  }

  revokeKey(id: string, key?: string) {
    return this.#one(`/api/performance/keys/${id}`, key, { method: 'DELETE' });
  }

  /** The one key that an answer is about, or the problem. */
  async #one(path: string, key: string | undefined, init: RequestInit) {
    const answer = await this.request(path, key, init);
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
