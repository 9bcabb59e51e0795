import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { writeDiscoveryFile } from '../../../../src/core/config/server-discovery.ts';
import { readStartupConfig } from '../../../../src/core/config/startup-config.ts';
import { getProcessIdentity } from '../../../../src/core/process-identity.ts';
import { getSpoolDir } from '../../../../src/storage/write/create-writer.ts';

const LOCAL_URL = 'http://127.0.0.1:9000';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-spool-choice-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function startServer(): void {
  writeDiscoveryFile(join(folder, 'run', 'server.json'), {
    process: getProcessIdentity(process.pid),
    serverUrl: 'http://127.0.0.1:4001',
    spoolDir: join(folder, '.perfscope', 'spool'),
    questdb: {
      write: { url: LOCAL_URL },
      read: { host: '127.0.0.1', port: 8812, user: 'u', password: 'p', database: 'qdb' },
    },
  });
}

/** Returns the spool folder of a process with these environment variables that starts in `cwd`. */
function findSpool(env: Record<string, string>, cwd = folder): string {
  const { settings } = parseSettings(env);
  const discoveryFile = join(folder, 'run', 'server.json');
  return getSpoolDir({ ...readStartupConfig(), settings, discoveryFile, folder: cwd }, undefined);
}

it('uses the spool of the local server for rows of its QuestDB, and never for rows of another QuestDB', () => {
  mkdirSync(join(folder, '.perfscope', 'questdb'), { recursive: true });
  startServer();
  const serverSpool = join(folder, '.perfscope', 'spool');
  const app = join(folder, 'app');
  expect(findSpool({}, app)).toBe(serverSpool);
  expect(findSpool({ PERFORMANCE_QUESTDB_URL: `${LOCAL_URL}/` }, app)).toBe(serverSpool);
  const other = { PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:9999' };
  expect(findSpool(other, app)).toBe(join(app, '.perfscope', 'spool'));
  // In the server's folder, the default would be the server's spool.
  expect(findSpool(other)).toBe(join(folder, '.perfscope', 'spool-external'));
  expect(findSpool({ ...other, PERFORMANCE_SPOOL_DIR: 'rows' })).toBe(join(folder, 'rows'));
});

it('keeps the rows of another QuestDB apart while the local server is stopped', () => {
  mkdirSync(join(folder, '.perfscope', 'questdb'), { recursive: true });
  const other = { PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:9999' };
  expect(findSpool(other)).toBe(join(folder, '.perfscope', 'spool-external'));
  expect(findSpool({})).toBe(join(folder, '.perfscope', 'spool'));
});
