import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { getRowTarget, isPaused } from '../../../../src/core/config/questdb-targets.ts';
import { writeDiscoveryFile } from '../../../../src/core/config/server-discovery.ts';
import { findQuestdbTargets } from '../../../../src/core/config/startup-config.ts';
import { getProcessIdentity } from '../../../../src/core/process-identity.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-targets-'));
const discoveryFile = join(folder, 'run', 'server.json');
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = { url: 'http://127.0.0.1:9000' };
const read = { host: '127.0.0.1', port: 8812, user: 'u', password: 'p', database: 'qdb' };

/** Returns the row target of a service on the machine of a server with this discovery file. */
function findRowTarget(writesPaused: string | undefined) {
  writeDiscoveryFile(discoveryFile, {
    process: getProcessIdentity(process.pid),
    serverUrl: 'http://127.0.0.1:4001',
    spoolDir: join(folder, 'spool'),
    questdb: { write, read, writesPaused },
  });
  const { settings } = parseSettings({});
  return getRowTarget(findQuestdbTargets({ settings, discoveryFile })!);
}

it('pauses the writes of services while the local server has paused writes', () => {
  const paused = findRowTarget('little disk space is left');
  expect(paused).toEqual({ paused: 'little disk space is left' });
  expect(isPaused(paused)).toBe(true);
  const target = findRowTarget(undefined);
  expect(target).toEqual(write);
  expect(isPaused(target)).toBe(false);
});
