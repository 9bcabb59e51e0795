import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PackedInstall } from '../support/packed-install.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { sendRequests } from '../support/send-requests.ts';

/** Node can't run this file without a hook, because an `enum` is more than a type. */
const APP = `
import express from 'express';
import type { AddressInfo } from 'node:net';

enum Currency { Euro = 'EUR' }

const app = express();
app.get('/rooms/:id', (_request, response) => { response.json({ currency: Currency.Euro }); });
const server = app.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log('listening on http://127.0.0.1:' + port);
});
`;
const COMPILER_OPTIONS = { module: 'commonjs', target: 'es2022', esModuleInterop: true };

const server = new PerfscopeServer({ OTEL_METRIC_EXPORT_INTERVAL: '500' });
const install = new PackedInstall('@perfscope/agent');
beforeAll(async () => {
  await Promise.all([server.start(), install.install('express@5', 'ts-node@10', 'typescript@5')]);
  const config = { compilerOptions: COMPILER_OPTIONS, 'ts-node': { transpileOnly: true } };
  writeFileSync(join(install.folder, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(install.folder, 'app.ts'), APP);
});
afterAll(async () => {
  install.remove();
  await server.remove();
});

async function expectMeasured(script: string, flags: readonly string[], major: number) {
  const service = `${script} ${major}`;
  const { folder } = install;
  const env = { ...server.env, OTEL_SERVICE_NAME: service };
  const app = new InstrumentedApp(script, { env, cwd: folder, node: nodeBinary(major), flags });
  const response = await fetch(`${await app.url()}/rooms/1`);
  expect(await response.json()).toEqual({ currency: 'EUR' });
  await sendRequests(`${await app.url()}/rooms/1`, 4);
  await app.stop();
  await expectRows(
    () =>
      server.sql(`SELECT endpoint, sum(count) FROM performance_metrics
        WHERE service = '${service}' AND metric_type = 'API_RESPONSE_TIME'`),
    [['/rooms/:id', 5]],
  );
}

const title = '--require keeps the hook of ts-node on Node %s';
it.each([22, 26])(title, expectHook);
// Long: Node 22 and 26 cover Node 24 in CI.
it.each([24])(title, { tags: 'long' }, expectHook);

function expectHook(major: number): Promise<void> {
  const flags = ['--require', 'ts-node/register', '--require', '@perfscope/agent/register'];
  return expectMeasured('app.ts', flags, major);
}

it('--import measures the same application after it was compiled', async () => {
  const tsc = join(install.folder, 'node_modules/.bin/tsc');
  execFileSync(tsc, ['--outDir', 'compiled', '--skipLibCheck', '--noCheck'], {
    cwd: install.folder,
  });
  await expectMeasured('compiled/app.js', ['--import', '@perfscope/agent/register'], 26);
});

it('doctor examines the application with the hook', () => {
  const command = join(install.folder, 'node_modules/.bin/perfscope-agent');
  const { stdout, status } = spawnSync(command, ['doctor', 'app.ts'], {
    env: { ...server.env, NODE_OPTIONS: '--require ts-node/register' },
    cwd: install.folder,
    encoding: 'utf8',
  });
  expect(stdout).toMatch(/✓ express 5\.\d/);
  expect(status).toBe(0);
});
