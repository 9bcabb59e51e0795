import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { parseSettings } from '../../src/core/config/parse-settings.ts';
import { getExternalQuestdbTargets } from '../../src/core/config/questdb-targets.ts';
import { LOCAL_TOKEN_HEADER } from '../../src/core/config/server-discovery.ts';
import type { Logger } from '../../src/core/log.ts';
import { type AccessControl, createAccessControl } from '../../src/server/access/access-control.ts';
import { generateLocalToken } from '../../src/server/access/api-key-secret.ts';
import type { Permission } from '../../src/server/access/permissions.ts';
import { createApiRouter } from '../../src/server/api/api-router.ts';
import type { EndpointDependencies } from '../../src/server/api/endpoint-definition.ts';
import { keyEndpoint, keysEndpoint } from '../../src/server/api/endpoints/keys-endpoints.ts';
import { meEndpoint } from '../../src/server/api/endpoints/me-endpoint.ts';
import { authenticate } from '../../src/server/api/middleware/authentication-middleware.ts';
import {
  getCaller,
  requirePermission,
} from '../../src/server/api/middleware/authorization-middleware.ts';
import { limitRequests } from '../../src/server/api/middleware/rate-limit-middleware.ts';
import { createErrorHandler } from '../../src/server/api/problem-details.ts';
import { QuestdbReader } from '../../src/storage/questdb/postgres-wire-reader.ts';
import { DroppedRowCounter } from '../../src/storage/spool/dropped-rows.ts';
import { RowWriter } from '../../src/storage/write/row-writer.ts';

export interface AccessServerOptions {
  env: NodeJS.ProcessEnv;
  spoolDir: string;
  log: Logger;
  now?: () => number;
}

/** A server on loopback with access control, API keys, and rate limits, but nothing else. */
export class AccessServer {
  /** The local token of every server. */
  static readonly localToken = generateLocalToken();
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
    const { settings, problems } = parseSettings(env);
    if (problems[0]) throw problems[0];
    const targets = getExternalQuestdbTargets(settings)!;
    const reader = new QuestdbReader(targets.read);
    const writer = new RowWriter({
      isServer: true,
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
    const storage = { read: reader.read, add: writer.add, flush: () => writer.flush(2000) };
    const close = async () => {
      await writer.close();
      await reader.close();
    };
    try {
      const access = await createAccessControl({
        settings,
        localToken: AccessServer.localToken,
        ...storage,
        ...(now && { now }),
      });
      const app = express();
      const maxRequestsPerMinute = settings.PERFORMANCE_API_RATE_LIMIT;
      app.use(
        ['/whoami', '/permissions'],
        authenticate(access.authenticate, 20),
        limitRequests(maxRequestsPerMinute),
      );
      app.get('/whoami', (_request, response) => {
        response.json(getCaller(response).principal);
      });
      app.get(
        '/permissions/:permission',
        (request, response, next) =>
          requirePermission(request.params.permission as Permission)(request, response, next),
        (_request, response) => {
          response.json({ ok: true });
        },
      );
      // These endpoints need no other dependencies.
      const dependencies: Partial<EndpointDependencies> = {
        ...{ access, maxRequestsPerMinute, log },
        ...{ zone: 'Europe/Vienna', retentionDays: 30 },
      };
      const endpoints = [keysEndpoint, keyEndpoint, meEndpoint];
      app.use(createApiRouter(dependencies as EndpointDependencies, endpoints));
      app.use(createErrorHandler(log));
      const server = createServer(app);
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      return new AccessServer(access, server, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** @param key sent as a Bearer token */
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

  /** Calls `POST /api/performance/keys`, with the local token if there is no key. */
  createKey(body: object, key?: string) {
    const init = { method: 'POST', body: JSON.stringify(body) };
    return this.#requestKey('/api/performance/keys', key, init);
  }

  revokeKey(id: string, key?: string) {
    return this.#requestKey(`/api/performance/keys/${id}`, key, { method: 'DELETE' });
  }

  /** Returns the single key of a response, or the problem. */
  async #requestKey(path: string, key: string | undefined, init: RequestInit) {
    const headers = key === undefined ? { [LOCAL_TOKEN_HEADER]: AccessServer.localToken } : {};
    const response = await this.request(path, key, { ...init, headers });
    const keys = response.body.keys as Record<string, unknown>[] | undefined;
    return { ...response, body: keys?.[0] ?? response.body };
  }

  async close(): Promise<void> {
    this.access.close();
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
    await this.#close();
  }
}
