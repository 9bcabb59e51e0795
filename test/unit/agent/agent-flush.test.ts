import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Agent } from '../../../src/agent/agent.ts';
import { readStartupConfig } from '../../../src/core/config/startup-config.ts';
import { readSpooledLines } from '../../support/spool-fixtures.ts';

const log = { info: () => {}, warn: vi.fn<(message: string) => void>(), error: () => {} };
let folder: string;
let agent: Agent;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-flush-'));
  const config = { ...readStartupConfig('flush'), discoveryFile: join(folder, 'server.json') };
  log.warn.mockClear();
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

it('rejects immediately without a server if the spool folder is known, and keeps the rows there', async () => {
  await agent.shutdown(0);
  const config = readStartupConfig('flush');
  const settings = { ...config.settings, PERFORMANCE_SPOOL_DIR: join(folder, 'spool') };
  const discoveryFile = join(folder, 'server.json');
  agent = new Agent({ config: { ...config, settings, discoveryFile }, log });
  agent.connect();
  agent.recordJob({ queueName: 'mails', jobId: '1', status: 'waiting' });
  await expect(agent.flush()).rejects.toMatchObject({ code: 'PS_NO_TARGET' });
  expect(readSpooledLines(join(folder, 'spool')).join()).toContain('queue_metrics');
  expect(log.warn).not.toHaveBeenCalled();
});

it('logs the dropped rows before `flush` rejects', async () => {
  agent.connect();
  const tags = { text: 'x'.repeat(850) };
  for (let i = 0; i < 30_000; i++) agent.recorder.recordMetric({ name: 'x', value: i, tags });
  const flushed = agent.flush();
  await expect(flushed).rejects.toMatchObject({ code: 'PS_NO_TARGET' });
  expect(agent.droppedRows.byReason.get('memory_full')).toBeGreaterThan(10_000);
  expect(log.warn.mock.calls.map(([message]) => message)).toEqual([
    expect.stringMatching(/^Dropped \d+ rows: they exceed 16 MB/),
  ]);
});
