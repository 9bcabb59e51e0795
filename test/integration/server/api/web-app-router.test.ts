import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createWebAppRouter,
  getPublicPath,
  stripPublicPath,
} from '../../../../src/server/api/web-app-router.ts';

const SCRIPT = 'console.log("Perfscope");'.repeat(50);
const folder = mkdtempSync(join(tmpdir(), 'perfscope-web-'));
const servers: Server[] = [];
const urls: Record<string, string> = {};

async function listen(publicPath: string, webFolder: string | undefined): Promise<string> {
  const app = express();
  app.use(stripPublicPath(publicPath));
  app.get('/api/performance/dashboard', (_request, response) => void response.json({}));
  app.use(createWebAppRouter(webFolder, publicPath));
  const server = createServer(app);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<base href="%BASE%"><div id="app"></div>');
  writeFileSync(join(folder, 'icon.svg'), '<svg/>');
  writeFileSync(join(folder, 'assets/index-1a2b.js'), SCRIPT);
  writeFileSync(join(folder, 'assets/index-1a2b.js.gz'), gzipSync(SCRIPT));
  urls.root = await listen('/', folder);
  urls.prefixed = await listen('/tools/perfscope/', folder);
  urls.missing = await listen('/', undefined);
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

it.each([
  [undefined, '/'],
  ['https://p.example', '/'],
  ['https://p.example/', '/'],
  ['https://p.example/tools/perfscope', '/tools/perfscope/'],
  ['https://p.example/tools/perfscope//', '/tools/perfscope/'],
])('the public path of %s is %s', (url, path) => {
  expect(getPublicPath(url)).toBe(path);
});

describe('the page', () => {
  it.each(['/', '/services', '/alerts/4f?last=1h', '/alerts/a%2Fb'])('answers %s', async (path) => {
    const response = await fetch(urls.root + path, { headers: { Accept: 'text/html' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toContain('text/html');
    expect(response.headers.get('Cache-Control')).toBe('no-cache');
    expect(await response.text()).toBe('<base href="/"><div id="app"></div>');
  });

  it('allows only content of the server', async () => {
    const { headers } = await fetch(`${urls.root}/`);
    const policy = headers.get('Content-Security-Policy')!;
    expect(policy).toContain("default-src 'none';script-src 'self';style-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(policy).toContain("frame-ancestors 'none'");
  });

  it.each([
    '/nowhere',
    '/api/unknown',
    '/v1/metrics',
    '/links/abc',
    '/unknown.js',
    '/assets/unknown.js',
  ])('does not answer %s', async (path) => {
    expect((await fetch(urls.root + path)).status).toBe(404);
  });

  it('explains how to build the UI if it is missing', async () => {
    const response = await fetch(`${urls.missing}/`);
    expect(await response.text()).toContain('npm run build');
  });
});

describe('under a path of a reverse proxy', () => {
  it.each(['', '/tools/perfscope'])('answers requests with the prefix "%s"', async (prefix) => {
    const page = await fetch(`${urls.prefixed}${prefix}/services`, {
      headers: { Accept: 'text/html' },
    });
    expect(await page.text()).toContain('<base href="/tools/perfscope/">');
    expect((await fetch(`${urls.prefixed}${prefix}/icon.svg`)).status).toBe(200);
    expect((await fetch(`${urls.prefixed}${prefix}/assets/index-1a2b.js`)).status).toBe(200);
    const api = await fetch(`${urls.prefixed}${prefix}/api/performance/dashboard`);
    expect(await api.json()).toEqual({});
  });

  it('answers its path without a slash at the end', async () => {
    expect((await fetch(`${urls.prefixed}/tools/perfscope`)).status).toBe(200);
  });
});

it('sends compressed scripts that browsers can keep', async () => {
  const response = await fetch(`${urls.root}/assets/index-1a2b.js`, {
    headers: { 'Accept-Encoding': 'gzip' },
  });
  expect(response.headers.get('Content-Encoding')).toBe('gzip');
  expect(response.headers.get('Cache-Control')).toContain('immutable');
  expect(await response.text()).toBe(SCRIPT);
});

it('sends scripts uncompressed to clients that accept only that', async () => {
  const response = await fetch(`${urls.root}/assets/index-1a2b.js`, {
    headers: { 'Accept-Encoding': 'identity' },
  });
  expect(response.headers.get('Content-Encoding')).toBeNull();
  expect(response.headers.get('Content-Length')).toBe(`${SCRIPT.length}`);
  expect(await response.text()).toBe(SCRIPT);
});

it('still sends scripts that an update has removed', async () => {
  const removed = mkdtempSync(join(tmpdir(), 'perfscope-web-'));
  cpSync(folder, removed, { recursive: true });
  const url = await listen('/', removed);
  rmSync(removed, { recursive: true });
  const response = await fetch(`${url}/assets/index-1a2b.js`);
  expect(await response.text()).toBe(SCRIPT);
});
