import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Agent } from '../../../src/agent/agent.ts';
import { parseSettings } from '../../../src/core/config/parse-settings.ts';
import { writeDiscoveryFile } from '../../../src/core/config/server-discovery.ts';
import { getProcessIdentity } from '../../../src/core/process-identity.ts';
import { VERSION } from '../../../src/core/version.ts';

let folder: string;
let warnings: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-agent-'));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function createAgent(): Agent {
  const record = (message: string) => void warnings.push(message);
  return new Agent({
    config: {
      ...parseSettings({}),
      resource: { service: 'booking', instance: 'b1' },
      host: 'host',
      discoveryFile: join(folder, 'server.json'),
      folder,
    },
    log: { info: record, warn: record, error: record },
  });
}

function publishServer(version: string | undefined, serverUrl = 'http://127.0.0.1:4001'): void {
  writeDiscoveryFile(join(folder, 'server.json'), {
    process: getProcessIdentity(process.pid),
    version,
    serverUrl,
    questdb: {
      write: { url: 'http://127.0.0.1:9000', authorization: undefined },
      read: { host: '127.0.0.1', port: 8812, database: 'qdb', user: 'u', password: 'p' },
    },
    spoolDir: folder,
  });
}

it('an incompatible server is reported in one line, once, and rows are still written', () => {
  publishServer('9.1.0');
  const agent = createAgent();
  expect(agent.hasWriteTarget).toBe(true);
  expect(agent.hasWriteTarget).toBe(true);
  expect(warnings).toEqual([
    `Agent ${VERSION} in service booking is incompatible with server 9.1.0. Rows are still stored, but some metrics can be missing or wrong. Get agent 9.1.0 from http://127.0.0.1:4001/agent-9.1.0.tgz, and install the file in the service.`,
  ]);
  publishServer('9.2.0');
  expect(agent.hasWriteTarget).toBe(true);
  expect(warnings).toHaveLength(2);
});

it('a server that does not offer the agent at its URL is reported with the command', () => {
  publishServer('9.1.0', 'http://0.0.0.0:4001');
  expect(createAgent().hasWriteTarget).toBe(true);
  expect(warnings[0]).toContain('Get agent 9.1.0 from `perfscope agent pack` on the server');
});

it.each([VERSION, undefined, 'unknown'])('server version %s is compatible', (version) => {
  publishServer(version);
  expect(createAgent().hasWriteTarget).toBe(true);
  expect(warnings).toEqual([]);
});
