import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCreateStateTableSql } from '../../../../src/core/schema/table-definition.ts';
import { STATE_TABLES } from '../../../../src/core/schema/table-registry.ts';
import { parseApiKey } from '../../../../src/server/access/api-key-secret.ts';
import { execSql } from '../../../../src/storage/questdb/questdb-http.ts';
import { AccessServer } from '../../../support/access-server.ts';
import { expectRows } from '../../../support/expect-rows.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitFor } from '../../../support/wait-for.ts';

const KEYS = '/api/performance/keys';
const METRICS_TOKEN = 'a-token-for-scrapes-only';
const questdb = new ExternalQuestdb();
const spoolDir = join(questdb.folder, 'spool');
const said: string[] = [];
const log = { info: () => {}, warn: say, error: say };
/** Added to the clock of the second server. */
let later = 0;
let first: AccessServer;
let second: AccessServer;
/** Every key that the tests get to see. */
const texts: string[] = [];

function say(message: string): void {
  said.push(message);
}

beforeAll(async () => {
  await questdb.start();
  for (const table of STATE_TABLES) await execSql(questdb.target, buildCreateStateTableSql(table));
  const env = { ...questdb.env, PERFORMANCE_METRICS_TOKEN: METRICS_TOKEN };
  first = await AccessServer.start({ env, spoolDir, log });
  second = await AccessServer.start({ env, spoolDir, log, now: () => Date.now() + later });
});
afterAll(async () => {
  await first?.close();
  await second?.close();
  await questdb.remove();
});

async function make(body: object, key?: string): Promise<{ id: string; key: string }> {
  const { status, body: made } = await first.createKey(body, key);
  expect(status, JSON.stringify(made)).toBe(200);
  texts.push(String(made.key));
  return { id: String(made.id), key: String(made.key) };
}

let admin: { id: string; key: string };

describe('before any key is made', () => {
  it('whoever is local is the administrator', async () => {
    expect(first.access.isAuthDisabled).toBe(true);
    expect((await first.request('/who')).body).toMatchObject({ subject: 'local', role: 'ADMIN' });
    expect((await first.request(KEYS)).body).toEqual({ keys: [] });
  });

  it.each([
    ['a page of another site', { origin: 'https://evil.example' }],
    ['a link of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a proxy', { 'x-forwarded-for': '203.0.113.7' }],
  ])('%s is not', async (_what, headers) => {
    const { status, body } = await first.request('/who', undefined, { headers });
    expect([status, body.code]).toEqual([401, 'PS_UNAUTHENTICATED']);
  });

  it('a server that others could reach refuses to start', async () => {
    const env = { ...questdb.env, HOST: '0.0.0.0' };
    const starting = AccessServer.start({ env, spoolDir, log });
    await expect(starting).rejects.toThrow(/perfscope keys create --role ADMIN/);
  });
});

describe('a key', () => {
  it('works at once on every server, and closes the open ones', async () => {
    admin = await make({ role: 'ADMIN', name: 'admin' });
    for (const server of [first, second]) {
      const { body } = await server.request('/who', admin.key);
      expect(body).toMatchObject({ subject: `key:${admin.id}`, role: 'ADMIN' });
    }
    expect((await first.request('/who')).status).toBe(401);
    await waitFor(async () => (await second.request('/who')).status === 401, 5000);
    const env = { ...questdb.env, HOST: '0.0.0.0' };
    const reachable = await AccessServer.start({ env, spoolDir, log });
    expect(reachable.access.isAuthDisabled).toBe(false);
    await reachable.close();
  });

  it('that is revoked stops here at once, and on another server within five seconds', async () => {
    const viewer = await make({ role: 'VIEWER', organizationId: 'acme', name: 'v' }, admin.key);
    expect((await second.request('/who', viewer.key)).status).toBe(200);
    const { body } = await first.revokeKey(viewer.id, admin.key);
    expect(body).toMatchObject({ id: viewer.id, state: 'revoked' });
    const began = Date.now();
    expect((await first.request('/who', viewer.key)).body.detail).toContain('the key is revoked');
    // Looks without asking: what the server answers must not depend on who asks.
    await waitFor(async () => (await second.request('/who', viewer.key)).status === 401, 5000);
    expect(Date.now() - began).toBeLessThan(5000);
    expect((await first.revokeKey(viewer.id, admin.key)).status).toBe(200);
    await expectRows(
      () => questdb.sql(`SELECT seq, state FROM api_keys WHERE id = '${viewer.id}' ORDER BY seq`),
      [
        [1, 'active'],
        [2, 'revoked'],
      ],
    );
  });

  it('that has expired opens nothing', async () => {
    const brief = await make({ role: 'ADMIN', name: 'brief', expires: '1h' }, admin.key);
    expect((await second.request('/who', brief.key)).status).toBe(200);
    later = 3_600_001;
    await waitFor(async () => {
      const { status, body } = await second.request('/who', brief.key);
      return status === 401 && String(body.detail).includes('the key is expired');
    });
    later = 0;
  });

  it('may not do what its role may not, and is told so', async () => {
    const viewer = await make({ role: 'VIEWER', organizationId: 'acme', name: 'v' }, admin.key);
    expect((await first.request('/may/read', viewer.key)).status).toBe(200);
    const { status, headers, body } = await first.request('/may/readHosts', viewer.key);
    expect([status, body.code]).toEqual([403, 'PS_FORBIDDEN']);
    expect(headers.get('content-type')).toContain('application/problem+json');
    for (const path of ['/may/test', '/may/scrape', '/may/administer', KEYS]) {
      expect((await first.request(path, viewer.key)).status, path).toBe(403);
    }
    const refused = await first.request('/may/read', `${viewer.key}x`);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('Bearer');
    expect(JSON.stringify(refused.body)).not.toContain(viewer.key.slice(30));
  });

  it('of scrapes may do nothing else', async () => {
    expect((await first.request('/may/scrape', METRICS_TOKEN)).status).toBe(200);
    expect((await first.request('/may/read', METRICS_TOKEN)).status).toBe(403);
  });
});

describe('the administrator of an organization', () => {
  let own: { id: string; key: string };
  beforeAll(async () => {
    own = await make({ role: 'ORG_ADMIN', organizationId: 'acme', name: 'org' }, admin.key);
  });

  it('makes and sees keys of its own organization', async () => {
    const made = await make({ role: 'INGEST', name: 'collector' }, own.key);
    const { body } = await first.request(KEYS, own.key);
    const keys = body.keys as { id: string; organizationId: string; author: string }[];
    expect(new Set(keys.map((key) => key.organizationId))).toEqual(new Set(['acme']));
    const ours = keys.find((key) => key.id === made.id);
    expect(ours?.author).toBe(`key:${own.id}`);
    expect(JSON.stringify(body)).not.toMatch(/hash|psk_/);
  });

  it.each([
    ['of another organization', { role: 'VIEWER', organizationId: 'other', name: 'x' }],
    ['above its own role', { role: 'ADMIN', name: 'x' }],
  ])('makes no key %s', async (_what, body) => {
    const { status, body: problem } = await first.createKey(body, own.key);
    expect([status, problem.code]).toEqual([403, 'PS_FORBIDDEN']);
  });

  it('neither revokes nor finds the keys of others', async () => {
    const foreign = await make({ role: 'VIEWER', organizationId: 'other', name: 'f' }, admin.key);
    for (const id of [foreign.id, admin.id, 'nothing']) {
      const { status, body } = await first.revokeKey(id, own.key);
      expect([status, body.code]).toEqual([404, 'PS_KEY_NOT_FOUND']);
    }
    expect((await first.request('/who', foreign.key)).status).toBe(200);
  });
});

describe('a request for a key', () => {
  it.each<[string, string]>([
    ['no JSON', 'psk_hello'],
    ['no object', '[]'],
    ['an unknown role', '{"role":"ROOT","name":"x"}'],
    ['an unknown property', '{"role":"ADMIN","name":"x","admin":true}'],
    ['a list for a text', '{"role":"ADMIN","name":["x"]}'],
    ['no end that is one', '{"role":"ADMIN","name":"x","expires":"soon"}'],
    ['a grant that contradicts itself', '{"role":"ADMIN","name":"x","organizationId":"acme"}'],
    ['an endless name', JSON.stringify({ role: 'ADMIN', name: 'x'.repeat(70_000) })],
    ['__proto__', '{"role":"ADMIN","name":"x","__proto__":{"role":"VIEWER"}}'],
  ])('with %s is a 400 that says why', async (_what, body) => {
    const answer = await first.request(KEYS, admin.key, { method: 'POST', body });
    expect(answer.status, JSON.stringify(answer.body)).toBe(400);
    expect(answer.body.code).toMatch(/^PS_(REQUEST|KEY)_INVALID$/);
    expect(String(answer.body.detail)).not.toContain('psk_');
  });

  it('without a body is one too', async () => {
    expect((await first.request(KEYS, admin.key, { method: 'POST' })).status).toBe(400);
  });
});

it('every act is in the audit log, with who did it', async () => {
  const ask = () => questdb.sql('SELECT action, author, object, address, detail FROM audit_log');
  const rows = await waitFor(async () => {
    const found = await ask();
    return found.filter(([action]) => action === 'key.create').length === texts.length && found;
  });
  const made = rows.find(([, , object]) => object === admin.id);
  expect(made?.slice(0, 4)).toEqual(['key.create', 'local', admin.id, '127.0.0.1']);
  expect(JSON.parse(String(made?.[4]))).toEqual({ name: 'admin', role: 'ADMIN' });
  const revoked = rows.filter(([action]) => action === 'key.revoke');
  expect(revoked).toHaveLength(1);
  expect(revoked[0]?.[1]).toBe(`key:${admin.id}`);
});

it('who asks too often is told when to come back', async () => {
  const env = { ...questdb.env, PERFORMANCE_API_RATE_LIMIT: '30' };
  const strict = await AccessServer.start({ env, spoolDir, log });
  const talker = await make({ role: 'VIEWER', organizationId: 'acme', name: 't' }, admin.key);
  const answers = [];
  for (let i = 0; i < 31; i++) answers.push(await strict.request('/who', talker.key));
  expect(answers.slice(0, 30).every(({ status }) => status === 200)).toBe(true);
  const last = answers.at(-1);
  expect([last?.status, last?.body.code]).toEqual([429, 'PS_TOO_MANY_REQUESTS']);
  expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await strict.request('/who', admin.key)).status).toBe(200);
  await strict.close();
});

describe('while QuestDB is away', () => {
  let collector: { id: string; key: string };
  let viewer: { id: string; key: string };
  beforeAll(async () => {
    collector = await make({ role: 'INGEST', name: 'c' }, admin.key);
    viewer = await make({ role: 'VIEWER', organizationId: 'acme', name: 'v2' }, admin.key);
    for (const { key } of [collector, viewer]) {
      expect((await second.request('/who', key)).status).toBe(200);
    }
    await questdb.kill();
  });

  it('known keys work for a minute, those of senders longer', async () => {
    for (const { key } of [collector, viewer]) {
      expect((await second.request('/who', key)).status).toBe(200);
    }
    later = 120_000;
    const { status, headers, body } = await second.request('/who', viewer.key);
    expect([status, body.code]).toEqual([503, 'PS_UNAVAILABLE']);
    expect(headers.get('retry-after')).toBe('5');
    expect((await second.request('/who', collector.key)).status).toBe(200);
    later = 0;
  });

  it('no key is made, and one that is revoked stops here; others learn of it afterwards', async () => {
    expect((await first.createKey({ role: 'ADMIN', name: 'x' }, admin.key)).status).toBe(503);
    const { status, body } = await first.revokeKey(viewer.id, admin.key);
    expect([status, body.code]).toEqual([503, 'PS_FLUSH_TIMEOUT']);
    expect((await first.request('/who', viewer.key)).status).toBe(401);
    expect((await second.request('/who', viewer.key)).status).toBe(200);
    await questdb.start();
    await waitFor(async () => (await second.request('/who', viewer.key)).status === 401);
    expect((await first.request('/who', viewer.key)).status).toBe(401);
    expect((await first.request('/who', admin.key)).status).toBe(200);
  });
});

it('who tries wrong keys is slowed down, and nobody else', async () => {
  const statuses = [];
  for (let i = 0; i < 21; i++) statuses.push((await first.request('/who', 'psk_wrong')).status);
  expect(statuses.at(-1)).toBe(429);
  expect((await first.request('/who', admin.key)).status).toBe(200);
});

it('a secret stands in no file of the database or the spool, and in no log', async () => {
  // It tidies its files up while they are being read.
  await questdb.kill();
  const secrets = texts.map((text) => String(parseApiKey(text)?.secret));
  expect(secrets.length).toBeGreaterThan(8);
  const holds = (content: Buffer) =>
    [METRICS_TOKEN, ...secrets].some(
      (secret) => content.includes(secret) || content.includes(Buffer.from(secret, 'utf16le')),
    );
  const files = readdirSync(questdb.folder, { recursive: true })
    .map((name) => join(questdb.folder, String(name)))
    .filter((file) => /api_keys|audit_log|spool|log$/.test(file))
    .filter((file) => statSync(file).isFile());
  expect(files.some((file) => file.includes('api_keys'))).toBe(true);
  expect(files.filter((file) => holds(readFileSync(file)))).toEqual([]);
  expect(holds(Buffer.from(said.join('\n')))).toBe(false);
});
