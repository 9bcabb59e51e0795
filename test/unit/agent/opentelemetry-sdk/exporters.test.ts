import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { setSharedAgent } from '../../../../src/agent/shared-agent.ts';
import { Agent } from '../../../../src/agent/agent.ts';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { stderrLogger } from '../../../../src/core/log.ts';
import { createOddValues } from '../../../support/hostile-values.ts';

vi.mock('../../../../src/agent/process/flush-on-exit.ts');

const REGISTERED = Symbol.for('perfscope.registered');
const log = { info: () => {}, warn: () => {}, error: () => {} };

type Components = typeof import('../../../../src/opentelemetry.ts');
let components: Components;
let folder: string;
let agent: Agent;
let warn: ReturnType<typeof vi.spyOn>;

/** Loads new copies of the modules, so that no pipeline exists. */
async function load(env: NodeJS.ProcessEnv = {}): Promise<void> {
  const resource = { service: 'booking', instance: 'b1' };
  const discoveryFile = join(folder, 'server.json');
  const config = { ...parseSettings(env), resource, host: 'host', discoveryFile, folder };
  agent = new Agent({ config, log, spoolDir: join(folder, 'spool') });
  setSharedAgent(agent);
  vi.resetModules();
  components = await import('../../../../src/opentelemetry.ts');
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-exporters-'));
  warn = vi.spyOn(stderrLogger, 'warn').mockReturnValue();
  await load();
});
afterEach(async () => {
  await agent.shutdown(0);
  vi.restoreAllMocks();
  Reflect.deleteProperty(globalThis, REGISTERED);
  rmSync(folder, { recursive: true, force: true });
});
