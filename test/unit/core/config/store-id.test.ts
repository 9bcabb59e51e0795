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

it('is undefined for other machines, whose address can belong to another database elsewhere', () => {
  for (const url of ['http://questdb:9000', 'http://10.0.0.5:9000', 'https://db.example.com']) {
    expect(getId(url)).toBeUndefined();
    expect(find({ PERFORMANCE_QUESTDB_URL: url })).toBeUndefined();
  }
});

it('is the same for other credentials', () => {
  const id = getQuestdbStoreId({ write: { url: 'http://localhost:9000' } });
  expect(id).toMatch(/^[\da-f]{16}$/);
  for (const url of ['http://me:secret@localhost:9000', 'http://127.0.0.1:9000/?password=x']) {
    expect(find({ PERFORMANCE_QUESTDB_URL: url })).toBe(id);
  }
});

it('contains the machine for loopback addresses', () => {
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
  // With an external QuestDB.
  publish(3);
  expect(find({}, file)).toBe(getSpoolStoreId('/data/spool'));
  expect(getSpoolStoreId('/data/spool', 'a')).not.toBe(getSpoolStoreId('/data/spool', 'b'));
  expect(getSpoolStoreId('/data/other')).not.toBe(getSpoolStoreId('/data/spool'));
});
