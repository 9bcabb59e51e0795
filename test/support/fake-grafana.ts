import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

// Strict schemas of the request bodies, from Grafana's documentation:
// https://grafana.com/docs/grafana/latest/developers/http_api/ (data_source, folder, dashboard).
const dataSourceSchema = z.strictObject({
  name: z.string().min(1).max(190),
  uid: z.string().regex(/^[\w-]{1,40}$/),
  type: z.string().min(1),
  access: z.enum(['proxy', 'direct']),
  url: z.string(),
  user: z.string().optional(),
  database: z.string().optional(),
  isDefault: z.boolean().optional(),
  jsonData: z.record(z.string(), z.unknown()),
  secureJsonData: z.record(z.string(), z.string()).optional(),
});
const folderSchema = z.strictObject({
  uid: z.string().regex(/^[\w-]{1,40}$/),
  title: z.string().min(1),
});
const dashboardSchema = z.strictObject({
  dashboard: z.looseObject({
    id: z.null(),
    uid: z.string().regex(/^[\w-]{1,40}$/),
    title: z.string().min(1),
    schemaVersion: z.number(),
    panels: z.array(z.looseObject({})),
  }),
  folderUid: z.string(),
  message: z.string(),
  overwrite: z.boolean(),
});

interface SavedDashboard {
  readonly content: Record<string, unknown>;
  readonly folderUid: string;
  readonly version: number;
}

type ApiResponse = readonly [status: number, body: object];

/** Responds like Grafana's HTTP API and rejects requests that Grafana would reject. */
export class FakeGrafana {
  readonly #token: string;
  #server: Server | undefined;
  url = '';
  dataSources = new Map<string, z.infer<typeof dataSourceSchema>>();
  folders = new Map<string, string>();
  dashboards = new Map<string, SavedDashboard>();
  version: string | undefined;
  /** Status of all responses except the health check. */
  errorStatus: number | undefined;
  /** Whether all objects are provisioned from files. */
  isReadOnly = false;
  redirectUrl: string | undefined;
  /** Whether this server responds like a web server other than Grafana. */
  isOtherServer = false;

  constructor(token: string) {
    this.#token = token;
  }

  /** Deletes all objects, resets all options, and starts the server if it isn't running. */
  async start(): Promise<void> {
    for (const each of [this.dataSources, this.folders, this.dashboards]) each.clear();
    this.version = '13.2.3';
    this.errorStatus = undefined;
    this.redirectUrl = undefined;
    this.isReadOnly = false;
    this.isOtherServer = false;
    if (this.#server) return;
    const server = createServer(async (request, response) => {
      if (this.redirectUrl)
        return void response.writeHead(301, { Location: this.redirectUrl }).end();
      if (this.isOtherServer) return void response.end('<h1>It works!</h1>');
      const [status, body] = await this.#handle(request);
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }

  async #handle(request: IncomingMessage): Promise<ApiResponse> {
    const { method, url = '', headers } = request;
    if (url === '/api/health') {
      const { version } = this;
      return [200, { database: 'ok', ...(version !== undefined && { version, commit: 'abc' }) }];
    }
    if (this.errorStatus === 403) return [403, { message: 'You will need additional permissions' }];
    if (this.errorStatus !== undefined) return [this.errorStatus, { message: 'internal error' }];
    if (headers.authorization !== `Bearer ${this.#token}`) {
      return [401, { message: 'Invalid API key' }];
    }
    const [, kind, key] =
      /^\/api\/(datasources|folders|dashboards)\/?(?:uid\/)?([\w-]*)$/.exec(url) ?? [];
    if (method === 'GET') return this.#get(kind, key ?? '') ?? [404, { message: 'not found' }];
    if (headers['content-type'] !== 'application/json') return [415, { message: 'not JSON' }];
    try {
      return this.#save(`${method} ${kind}`, key ?? '', JSON.parse(await readBody(request)));
    } catch (error) {
      return [400, { message: `bad request data: ${error}` }];
    }
  }

  #get(kind: string | undefined, key: string): ApiResponse | undefined {
    if (kind === 'datasources') {
      const found = this.dataSources.get(key);
      if (!found) return undefined;
      // Grafana returns the names of secrets, and adds fields.
      const { secureJsonData = {}, ...visible } = found;
      const secureJsonFields = Object.fromEntries(
        Object.keys(secureJsonData).map((name) => [name, true]),
      );
      const defaults = { id: 1, orgId: 1, version: 1, typeLogoUrl: '', basicAuth: false };
      const all = { ...defaults, ...visible, secureJsonFields, readOnly: this.isReadOnly };
      return [200, all];
    }
    if (kind === 'folders') {
      const title = this.folders.get(key);
      return title === undefined ? undefined : [200, { id: 1, uid: key, title }];
    }
    const saved = this.dashboards.get(key);
    if (!saved) return undefined;
    const { content, folderUid, version } = saved;
    const meta = { folderUid, provisioned: this.isReadOnly };
    return [200, { dashboard: { ...content, id: 7, version }, meta }];
  }

  #save(operation: string, key: string, body: unknown): ApiResponse {
    if (operation === 'POST datasources' || operation === 'PUT datasources') {
      const source = dataSourceSchema.parse(body);
      const exists = this.dataSources.has(source.uid);
      if (operation === 'PUT datasources' && source.uid !== key)
        return [404, { message: 'the uid does not match' }];
      if (operation === 'POST datasources' && exists) return [409, { message: 'already exists' }];
      if (exists && this.isReadOnly) return [403, { message: 'read-only' }];
      this.dataSources.set(source.uid, source);
      return [200, { message: 'saved' }];
    }
    if (operation === 'POST folders') {
      const { uid, title } = folderSchema.parse(body);
      if (this.folders.has(uid)) return [409, { message: 'already exists' }];
      this.folders.set(uid, title);
      return [200, { uid, title }];
    }
    if (operation !== 'POST dashboards' || key !== 'db') return [404, { message: 'not found' }];
    const { dashboard, folderUid, overwrite } = dashboardSchema.parse(body);
    if (!this.folders.has(folderUid)) return [400, { message: 'no such folder' }];
    const existing = this.dashboards.get(dashboard.uid);
    if (existing && !overwrite) return [412, { message: 'already exists' }];
    if (existing && this.isReadOnly) return [400, { message: 'Cannot save provisioned dashboard' }];
    const version = (existing?.version ?? 0) + 1;
    this.dashboards.set(dashboard.uid, { content: dashboard, folderUid, version });
    return [200, { uid: dashboard.uid, version, status: 'success' }];
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}
