import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Agent } from '../../../src/agent/agent.ts';
import { readStartupConfig } from '../../../src/core/config/startup-config.ts';

const log = { info: () => {}, warn: () => {}, error: () => {} };
let folder: string;
let agent: Agent;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-flush-'));
  const config = { ...readStartupConfig('flush'), discoveryFile: join(folder, 'server.json') };
  agent = new Agent({ config, log, target: () => undefined, spoolDir: folder });
});
afterEach(async () => {
  await agent.shutdown(0);
  rmSync(folder, { recursive: true });
});

it('resolves without a server if nothing was recorded', async () => {
  await expect(agent.flush()).resolves.toBeUndefined();
});

it('rejects without a server if rows are waiting', async () => {
  agent.connect();
  agent.recordJob({ queueName: 'mails', jobId: '1', status: 'waiting' });
  await expect(agent.flush()).rejects.toMatchObject({ code: 'PS_NO_TARGET' });
});
