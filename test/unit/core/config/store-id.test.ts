import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { writeDiscoveryFile } from '../../../../src/core/config/server-discovery.ts';
import {
  findStoreId,
  getQuestdbStoreId,
  getSpoolStoreId,
} from '../../../../src/core/config/store-id.ts';
import { getProcessIdentity } from '../../../../src/core/process-identity.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-store-id-'));
afterAll(() => rmSync(folder, { recursive: true }));

const read = { host: 'db', port: 1, user: 'u', password: 'p', database: 'qdb' };
const getId = (url: string, host = 'a') => getQuestdbStoreId({ write: { url } }, host);

function find(env: Record<string, string>, discoveryFile = join(folder, 'none', 'server.json')) {
  return findStoreId({ settings: parseSettings(env).settings, discoveryFile });
}

it('is the same for equal addresses with other credentials', () => {
  const id = getId('http://db:9000');
  expect(id).toMatch(/^[\da-f]{16}$/);
  expect(getId('http://DB:9000/')).toBe(id);
  expect(getId('http://db:9000', 'b')).toBe(id);
  for (const url of ['http://me:secret@db:9000', 'http://db:9000/?password=x']) {
    expect(find({ PERFORMANCE_QUESTDB_URL: url })).toBe(id);
  }
  expect(getId('http://db:9001')).not.toBe(id);
  expect(getId('http://other:9000')).not.toBe(id);
});

it('contains the host for loopback addresses', () => {
  const id = getId('http://localhost:9000');
  expect(getId('http://127.0.0.1:9000')).toBe(id);
  expect(getId('http://[::1]:9000')).toBe(id);
  expect(getId('http://localhost:9000', 'b')).not.toBe(id);
  expect(getId('http://localhost:9001')).not.toBe(id);
});

it('identifies a local server by its host and spool folder, also after a restart', () => {
  const file = join(folder, 'run', 'server.json');
  const publish = (port: number, dataDir?: string) =>
    writeDiscoveryFile(file, {
      process: getProcessIdentity(process.pid),
      serverUrl: `http://127.0.0.1:${port}`,
      questdb: { write: { url: `http://127.0.0.1:${port}` }, read },
      spoolDir: '/data/spool',
      dataDir,
    });
  expect(find({}, file)).toBeUndefined();
  publish(1, '/data');
  expect(find({}, file)).toBe(getSpoolStoreId('/data/spool'));
  publish(2, '/data');
  expect(find({}, file)).toBe(getSpoolStoreId('/data/spool'));
  // An external QuestDB, which other servers can share.
  publish(3);
  expect(find({}, file)).toBe(getQuestdbStoreId({ write: { url: 'http://localhost:3' } }));
  expect(getSpoolStoreId('/data/spool', 'a')).not.toBe(getSpoolStoreId('/data/spool', 'b'));
  expect(getSpoolStoreId('/data/other')).not.toBe(getSpoolStoreId('/data/spool'));
});
