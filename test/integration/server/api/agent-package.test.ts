import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../../../src/core/version.ts';
import { loadAgentPackage } from '../../../../src/server/agent-package/agent-package-file.ts';
import { AgentVersionMonitor } from '../../../../src/server/agent-package/agent-version-monitor.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { insertRows } from '../../../support/insert-rows.ts';
import { waitFor } from '../../../support/wait-for.ts';

const server = new TestApiServer();
const fileName = `perfscope-agent-${VERSION}.tgz`;
const path = `/agent-${VERSION}.tgz`;
const content = randomBytes(100_000);

beforeAll(() => server.start());
afterAll(() => server.remove());

/** Sends a request with headers that `fetch` doesn't send unchanged, such as `host`. */
async function request(requestPath: string, headers: Record<string, string> = {}) {
  const response = await new Promise<IncomingMessage>((done, fail) => {
    get(server.url + requestPath, { headers }, done).once('error', fail);
  });
  const text = String(await buffer(response));
  const contentType = response.headers['content-type'] ?? '';
  const isProblem = contentType.startsWith('application/problem+json');
  return { status: response.statusCode, body: isProblem ? JSON.parse(text) : text };
}

/** Returns the description of the download, from which the web UI creates the commands. */
async function describeDownload(headers?: Record<string, string>): Promise<unknown> {
  return JSON.parse((await request('/agent.json', headers)).body);
}

describe('GET /agent-<version>.tgz', () => {
  it('reports that the agent package was not built, without a path of the server', async () => {
    expect(await request(path)).toMatchObject({
      status: 503,
      body: {
        code: 'PS_AGENT_MISSING',
        detail: 'The service is temporarily unavailable. Try again later.',
      },
    });
    expect(await describeDownload()).toEqual({ path, fileName, isAllowed: false });
    mkdirSync(server.agentFolder);
    writeFileSync(join(server.agentFolder, fileName), content);
  });

  it('sends the file with its hash', async () => {
    const { integrity } = loadAgentPackage(server.agentFolder);
    const response = await fetch(server.url + path);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/gzip',
      'content-length': '100000',
      'cache-control': 'public, max-age=31536000, immutable',
      'content-disposition': `attachment; filename=${fileName}`,
      'repr-digest': `sha-512=:${integrity.slice('sha512-'.length)}:`,
      etag: `"${integrity}"`,
    });
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
  });

  it('answers HEAD and conditional requests without a body', async () => {
    const head = await fetch(server.url + path, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '100000']);
    expect((await head.arrayBuffer()).byteLength).toBe(0);
    const etag = String(head.headers.get('etag'));
    expect(await request(path, { 'if-none-match': etag })).toEqual({ status: 304, body: '' });
    expect((await request(path, { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it("names the server's version if another version is requested", async () => {
    for (const other of ['9.9.9', '0.0.1-beta.1+b']) {
      const { status, body } = await request(`/agent-${other}.tgz`);
      expect([status, body.code]).toEqual([404, 'PS_AGENT_OTHER_VERSION']);
      expect(body.detail).toBe(
        `/agent-${other}.tgz does not exist, because this server has version ${VERSION}. Download ${path} instead.`,
      );
    }
    expect((await request('/agent-%2e%2e%2fx.tgz')).body.code).toBe('PS_NOT_FOUND');
  });

  it.each([
    ['a proxy on this machine', { 'x-forwarded-for': '203.0.113.7' }],
    ['a proxy that reports plain HTTP', { 'x-forwarded-proto': 'http', host: 'perf.example' }],
    ['a proxy that keeps only the host', { host: 'perf.example' }],
  ])('rejects plain HTTP through %s', async (_case, headers) => {
    const { status, body } = await request(path, headers);
    expect(status).toBe(403);
    expect(body).toMatchObject({
      status: 403,
      code: 'PS_AGENT_INSECURE',
      detail: expect.stringMatching(/HTTPS.*perfscope agent pack/),
    });
    expect(await describeDownload(headers)).toMatchObject({ path, isAllowed: false });
  });

  it('sends the file over HTTPS, which a proxy reports', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' };
    expect((await request(path, { ...headers, host: 'perf.example' })).status).toBe(200);
    const { integrity } = loadAgentPackage(server.agentFolder);
    expect(await describeDownload(headers)).toEqual({ path, fileName, integrity, isAllowed: true });
  });

  it('limits the requests of one address', async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 301; i++) {
      const response = await fetch(server.url + path, { method: 'HEAD' });
      statuses.add(response.status);
    }
    expect([...statuses]).toEqual([200, 429]);
  });
});

describe('versions of agents', () => {
  it('API responses contain the version of the server, even if they are errors', async () => {
    for (const apiPath of ['/api/performance/actions', '/api/nothing', '/api/openapi.json']) {
      const { headers } = await fetch(server.url + apiPath);
      expect(headers.get('perfscope-version')).toBe(VERSION);
    }
  });

  it('are read from requests', async () => {
    const headers = {
      'perfscope-agent-version': '9.1.0',
      'perfscope-agent-service': encodeURIComponent('Hôtel 1'),
    };
    await fetch(`${server.url}/api/performance/actions`, { headers });
    await fetch(`${server.url}/api/performance/actions`, {
      headers: { ...headers, 'perfscope-agent-service': '%E0%A4%A' },
    });
    await fetch(`${server.url}/api/performance/actions`);
    expect(server.agentVersions).toEqual([
      ['Hôtel 1', '9.1.0'],
      ['unknown', '9.1.0'],
    ]);
  });

  it('are read from the rows of the last five minutes', async () => {
    const now = Date.now();
    const createRow = (
      service: string,
      version: string,
      ageMs = 0,
      name = 'perfscope.spool.size',
    ) => ({
      id: `${service}-${version}`,
      timestamp: now - ageMs,
      metricType: 'CUSTOM',
      name,
      unit: 'By',
      value: 0,
      sum: 0,
      test: false,
      service,
      instance: service,
      tags: JSON.stringify({
        'telemetry.distro.name': 'perfscope',
        'telemetry.distro.version': version,
      }),
    });
    await insertRows(server.questdb, 'performance_metrics', [
      createRow('booking', '9.1.0'),
      createRow('booking', VERSION),
      createRow("l'hôtel", '9.2.0'),
      createRow('stopped', '9.1.0', 600_000),
      createRow('application', '9.1.0', 0, 'application.size'),
    ]);
    const messages: string[] = [];
    const record = (message: string) => void messages.push(message);
    const createMonitor = () =>
      new AgentVersionMonitor({
        read: server.dependencies.queryClient.read,
        log: { info: record, warn: record, error: record },
        agentUrl: () => undefined,
      });
    await waitFor(async () => {
      messages.length = 0;
      await createMonitor().check(now);
      return messages.length >= 2;
    });
    expect(messages.map((message) => message.split(' is ')[0]).sort()).toEqual([
      'Agent 9.1.0 in service booking',
      "Agent 9.2.0 in service l'hôtel",
    ]);
  });
});
