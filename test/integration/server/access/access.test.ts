import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOCAL_TOKEN_HEADER } from '../../../../src/core/config/server-discovery.ts';
import { buildCreateStateTableSql } from '../../../../src/core/schema/table-definition.ts';
import { STATE_TABLES } from '../../../../src/core/schema/table-registry.ts';
import { VERSION } from '../../../../src/core/version.ts';
import { parseApiKey } from '../../../../src/server/access/api-key-secret.ts';
import { PERMISSION_LABELS } from '../../../../src/server/access/permissions.ts';
import { execSql } from '../../../../src/storage/questdb/exec-sql-http.ts';
import { AccessServer } from '../../../support/access-server.ts';
import { expectRows } from '../../../support/expect-rows.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitFor } from '../../../support/wait-for.ts';

const KEYS = '/api/performance/keys';
const ME = '/api/performance/me';
const METRICS_TOKEN = 'a-token-for-scrapes-only';
const questdb = new ExternalQuestdb();
const spoolDir = join(questdb.folder, 'spool');
const logMessages: string[] = [];
const log = { info: () => {}, warn: recordMessage, error: recordMessage };
/** Added to the clock of the second server, in ms. */
let clockOffsetMs = 0;
let first: AccessServer;
let second: AccessServer;
/** The text of every created key. */
const keyTexts: string[] = [];

function recordMessage(message: string): void {
  logMessages.push(message);
}

beforeAll(async () => {
  await questdb.start();
  for (const table of STATE_TABLES) await execSql(questdb.target, buildCreateStateTableSql(table));
  const env = { ...questdb.env, PERFORMANCE_METRICS_TOKEN: METRICS_TOKEN };
  first = await AccessServer.start({ env, spoolDir, log });
  second = await AccessServer.start({ env, spoolDir, log, now: () => Date.now() + clockOffsetMs });
});
afterAll(async () => {
  await first?.close();
  await second?.close();
  await questdb.remove();
});

async function createKey(body: object, key?: string): Promise<{ id: string; key: string }> {
  const { status, body: created } = await first.createKey(body, key);
  expect(status, JSON.stringify(created)).toBe(200);
  keyTexts.push(String(created.key));
  return { id: String(created.id), key: String(created.key) };
}

let admin: { id: string; key: string };

describe('before a key is created', () => {
  it('local users have admin access', async () => {
    expect(first.access.isAuthDisabled).toBe(true);
    expect((await first.request('/whoami')).body).toMatchObject({
      subject: 'local',
      role: 'ADMIN',
    });
    expect((await first.request(KEYS)).body).toEqual({ keys: [] });
  });

  it('`/me` describes a caller without a key', async () => {
    const { body } = await first.request(ME);
    expect(body).toEqual({
      name: 'no key',
      role: 'ADMIN',
      authentication: 'none',
      permissions: Object.keys(PERMISSION_LABELS),
      keyRequiredFor: ['manageKeys', 'administer'],
      keyRequired: false,
      version: VERSION,
      timeZone: 'Europe/Vienna',
      retentionDays: 30,
      now: expect.any(String),
    });
    expect(Math.abs(Date.parse(String(body.now)) - Date.now())).toBeLessThan(10_000);
    const headers = { [LOCAL_TOKEN_HEADER]: AccessServer.localToken };
    expect((await first.request(ME, undefined, { headers })).body).toMatchObject({
      ...{ name: 'local user', authentication: 'local' },
      ...{ keyRequiredFor: [], keyRequired: false },
    });
  });

  it.each([
    ['a page on another site', { origin: 'https://evil.example' }],
    ['a link on another site', { 'sec-fetch-site': 'cross-site' }],
    ['a proxy', { 'x-forwarded-for': '203.0.113.7' }],
  ])('requests from %s are rejected', async (_case, headers) => {
    const { status, body } = await first.request('/whoami', undefined, { headers });
    expect([status, body.code]).toEqual([401, 'PS_UNAUTHENTICATED']);
  });

  it("a server that other machines could reach doesn't start", async () => {
    const env = { ...questdb.env, HOST: '0.0.0.0' };
    const starting = AccessServer.start({ env, spoolDir, log });
    await expect(starting).rejects.toThrow(/perfscope keys create --role ADMIN/);
  });
});

describe('a key', () => {
  it('works immediately on every server, and ends access without credentials', async () => {
    admin = await createKey({ role: 'ADMIN', name: 'admin' });
    await createKey({ role: 'INGEST', name: 'sender' }, admin.key);
    const notices = logMessages.filter((message) => message.includes('Keyless access has ended'));
    expect(notices).toHaveLength(1);
    for (const server of [first, second]) {
      const { body } = await server.request('/whoami', admin.key);
      expect(body).toMatchObject({ subject: `key:${admin.id}`, role: 'ADMIN' });
    }
    expect((await first.request('/whoami')).status).toBe(401);
    await waitFor(async () => (await second.request('/whoami')).status === 401);
    const env = { ...questdb.env, HOST: '0.0.0.0' };
    const reachable = await AccessServer.start({ env, spoolDir, log });
    expect(reachable.access.isAuthDisabled).toBe(false);
    await reachable.close();
  });

  it('`/me` describes the key and its limits', async () => {
    const grant = { role: 'VIEWER', organizationId: 'acme', properties: ['north'] };
    const { key } = await createKey({ ...grant, name: 'front desk' }, admin.key);
    const { status, body } = await first.request(ME, key);
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        ...grant,
        ...{ name: 'front desk', authentication: 'key', permissions: ['read'] },
        ...{ keyRequiredFor: [], keyRequired: true },
      }),
    ]);
    const { body: own } = await first.request(ME, admin.key);
    expect(own).toMatchObject({ name: 'admin', role: 'ADMIN', keyRequiredFor: [] });
    expect(Object.keys(own)).not.toContain('organizationId');
    expect((await first.request(ME)).status).toBe(401);
  });

  it('is rejected immediately after it is revoked, and soon on other servers', async () => {
    const viewer = await createKey(
      { role: 'VIEWER', organizationId: 'acme', name: 'v' },
      admin.key,
    );
    expect((await second.request('/whoami', viewer.key)).status).toBe(200);
    const { body } = await first.revokeKey(viewer.id, admin.key);
    expect(body).toMatchObject({ id: viewer.id, state: 'revoked' });
    expect((await first.request('/whoami', viewer.key)).body.detail).toContain(
      'the key is revoked',
    );
    await waitFor(async () => (await second.request('/whoami', viewer.key)).status === 401);
    expect((await first.revokeKey(viewer.id, admin.key)).status).toBe(200);
    await expectRows(
      () => questdb.sql(`SELECT seq, state FROM api_keys WHERE id = '${viewer.id}' ORDER BY seq`),
      [
        [1, 'active'],
        [2, 'revoked'],
      ],
    );
  });

  it('is rejected after it expires', async () => {
    const expiring = await createKey({ role: 'ADMIN', name: 'expiring', expires: '1h' }, admin.key);
    expect((await second.request('/whoami', expiring.key)).status).toBe(200);
    clockOffsetMs = 3_600_001;
    await waitFor(async () => {
      const { status, body } = await second.request('/whoami', expiring.key);
      return status === 401 && String(body.detail).includes('the key is expired');
    });
    clockOffsetMs = 0;
  });

  it('gets an error for actions that its role does not permit', async () => {
    const viewer = await createKey(
      { role: 'VIEWER', organizationId: 'acme', name: 'v' },
      admin.key,
    );
    expect((await first.request('/permissions/read', viewer.key)).status).toBe(200);
    const { status, headers, body } = await first.request('/permissions/readHosts', viewer.key);
    expect([status, body.code]).toEqual([403, 'PS_FORBIDDEN']);
    expect(body.detail).toBe("VIEWER can't view hosts. Use a key with the role ADMIN.");
    const { body: denied } = await first.request(KEYS, viewer.key);
    expect(denied.detail).toContain('Use a key with the role ORG_ADMIN or ADMIN.');
    expect(headers.get('content-type')).toContain('application/problem+json');
    for (const path of [
      '/permissions/test',
      '/permissions/scrape',
      '/permissions/administer',
      KEYS,
    ]) {
      expect((await first.request(path, viewer.key)).status, path).toBe(403);
    }
    const rejected = await first.request('/permissions/read', `${viewer.key}x`);
    expect(rejected.status).toBe(401);
    expect(rejected.headers.get('www-authenticate')).toContain('Bearer');
    expect(JSON.stringify(rejected.body)).not.toContain(viewer.key.slice(30));
  });

  it('for metrics permits only scraping', async () => {
    expect((await first.request('/permissions/scrape', METRICS_TOKEN)).status).toBe(200);
    expect((await first.request('/permissions/read', METRICS_TOKEN)).status).toBe(403);
  });
});

describe('an organization admin', () => {
  let own: { id: string; key: string };
  beforeAll(async () => {
    own = await createKey({ role: 'ORG_ADMIN', organizationId: 'acme', name: 'org' }, admin.key);
  });

  it('creates and lists keys in its organization', async () => {
    const created = await createKey({ role: 'INGEST', name: 'collector' }, own.key);
    const { body } = await first.request(KEYS, own.key);
    const keys = body.keys as { id: string; organizationId: string; author: string }[];
    expect(new Set(keys.map((key) => key.organizationId))).toEqual(new Set(['acme']));
    const listed = keys.find((key) => key.id === created.id);
    expect(listed?.author).toBe(`key:${own.id}`);
    expect(JSON.stringify(body)).not.toMatch(/hash|psk_/);
  });

  it.each([
    ['for another organization', { role: 'VIEWER', organizationId: 'other', name: 'x' }],
    ['with a higher role', { role: 'ADMIN', name: 'x' }],
  ])("can't create a key %s", async (_case, body) => {
    const { status, body: problem } = await first.createKey(body, own.key);
    expect([status, problem.code]).toEqual([403, 'PS_FORBIDDEN']);
  });

  it("can't revoke or find keys of other organizations", async () => {
    const otherKey = await createKey(
      { role: 'VIEWER', organizationId: 'other', name: 'f' },
      admin.key,
    );
    for (const id of [otherKey.id, admin.id, 'nothing']) {
      const { status, body } = await first.revokeKey(id, own.key);
      expect([status, body.code]).toEqual([404, 'PS_KEY_NOT_FOUND']);
    }
    expect((await first.request('/whoami', otherKey.key)).status).toBe(200);
  });
});

describe('a request to create a key', () => {
  it.each<[string, string]>([
    ['invalid JSON', 'psk_hello'],
    ['a list instead of an object', '[]'],
    ['an unknown role', '{"role":"ROOT","name":"x"}'],
    ['an unknown property', '{"role":"ADMIN","name":"x","admin":true}'],
    ['a list instead of a string', '{"role":"ADMIN","name":["x"]}'],
    ['an invalid expiration', '{"role":"ADMIN","name":"x","expires":"soon"}'],
    ['a contradictory grant', '{"role":"ADMIN","name":"x","organizationId":"acme"}'],
    ['a name that is too long', JSON.stringify({ role: 'ADMIN', name: 'x'.repeat(70_000) })],
    ['__proto__', '{"role":"ADMIN","name":"x","__proto__":{"role":"VIEWER"}}'],
  ])('with %s gets a 400 response with the reason', async (_case, body) => {
    const response = await first.request(KEYS, admin.key, { method: 'POST', body });
    expect(response.status, JSON.stringify(response.body)).toBe(400);
    expect(response.body.code).toMatch(/^PS_(REQUEST|KEY)_INVALID$/);
    expect(String(response.body.detail)).not.toContain('psk_');
  });

  it('without a body gets a 400 response', async () => {
    expect((await first.request(KEYS, admin.key, { method: 'POST' })).status).toBe(400);
  });
});

it('records every action and its author in the audit log', async () => {
  const rows = await waitFor(async () => {
    const entries = await questdb.sql(
      'SELECT action, author, object, address, detail FROM audit_log',
    );
    const count = (name: string) => entries.filter(([action]) => action === name).length;
    const isComplete = count('key.create') === keyTexts.length && count('key.revoke') > 0;
    return isComplete && entries;
  });
  const created = rows.find(([, , object]) => object === admin.id);
  expect(created?.slice(0, 4)).toEqual(['key.create', 'local', admin.id, '127.0.0.1']);
  expect(JSON.parse(String(created?.[4]))).toEqual({ name: 'admin', role: 'ADMIN' });
  const revoked = rows.filter(([action]) => action === 'key.revoke');
  expect(revoked).toHaveLength(1);
  expect(revoked[0]?.[1]).toBe(`key:${admin.id}`);
});

it('limits the request rate and tells the caller when to retry', async () => {
  const env = { ...questdb.env, PERFORMANCE_API_RATE_LIMIT: '30' };
  const limited = await AccessServer.start({ env, spoolDir, log });
  const viewer = await createKey({ role: 'VIEWER', organizationId: 'acme', name: 't' }, admin.key);
  const responses = [];
  for (let i = 0; i < 31; i++) responses.push(await limited.request('/whoami', viewer.key));
  expect(responses.slice(0, 30).every(({ status }) => status === 200)).toBe(true);
  const last = responses.at(-1);
  expect([last?.status, last?.body.code]).toEqual([429, 'PS_TOO_MANY_REQUESTS']);
  expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await limited.request('/whoami', admin.key)).status).toBe(200);
  await limited.close();
});

describe('while QuestDB is down', () => {
  let collector: { id: string; key: string };
  let viewer: { id: string; key: string };
  beforeAll(async () => {
    collector = await createKey({ role: 'INGEST', name: 'c' }, admin.key);
    viewer = await createKey({ role: 'VIEWER', organizationId: 'acme', name: 'v2' }, admin.key);
    for (const { key } of [collector, viewer]) {
      expect((await second.request('/whoami', key)).status).toBe(200);
    }
    await questdb.kill();
  });

  it('cached keys work for a minute, and INGEST keys for longer', async () => {
    for (const { key } of [collector, viewer]) {
      expect((await second.request('/whoami', key)).status).toBe(200);
    }
    clockOffsetMs = 120_000;
    const { status, headers, body } = await second.request('/whoami', viewer.key);
    expect([status, body.code]).toEqual([503, 'PS_UNAVAILABLE']);
    expect(headers.get('retry-after')).toBe('5');
    expect((await second.request('/whoami', collector.key)).status).toBe(200);
    clockOffsetMs = 0;
  });

  it("keys can't be created, and a revoked key stops locally until QuestDB is back", async () => {
    expect((await first.createKey({ role: 'ADMIN', name: 'x' }, admin.key)).status).toBe(503);
    const { status, body } = await first.revokeKey(viewer.id, admin.key);
    expect([status, body.code]).toEqual([503, 'PS_FLUSH_TIMEOUT']);
    expect((await first.request('/whoami', viewer.key)).status).toBe(401);
    expect((await second.request('/whoami', viewer.key)).status).toBe(200);
    await questdb.start();
    await waitFor(async () => (await second.request('/whoami', viewer.key)).status === 401);
    expect((await first.request('/whoami', viewer.key)).status).toBe(401);
    expect((await first.request('/whoami', admin.key)).status).toBe(200);
  });
});

it('limits the rate of requests with wrong keys, but not the rate of other requests', async () => {
  const statuses = [];
  for (let i = 0; i < 21; i++) statuses.push((await first.request('/whoami', 'psk_wrong')).status);
  expect(statuses.at(-1)).toBe(429);
  expect((await first.request('/whoami', admin.key)).status).toBe(200);
});

it('stores no secrets in database files, spool files, or logs', async () => {
  // A running QuestDB would delete files while they are read.
  await questdb.kill();
  const secrets = keyTexts.map((text) => String(parseApiKey(text)?.secret));
  expect(secrets.length).toBeGreaterThan(8);
  const containsSecret = (content: Buffer) =>
    [METRICS_TOKEN, ...secrets].some(
      (secret) => content.includes(secret) || content.includes(Buffer.from(secret, 'utf16le')),
    );
  const files = readdirSync(questdb.folder, { recursive: true })
    .map((name) => join(questdb.folder, String(name)))
    .filter((file) => /api_keys|audit_log|spool|log$/.test(file))
    .filter((file) => statSync(file).isFile());
  expect(files.some((file) => file.includes('api_keys'))).toBe(true);
  expect(files.filter((file) => containsSecret(readFileSync(file)))).toEqual([]);
  expect(containsSecret(Buffer.from(logMessages.join('\n')))).toBe(false);
});
