import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { PackedInstall } from '../support/packed-install.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { type PackageManifest, RegistryStub } from '../support/registry-stub.ts';
import { sendRequests } from '../support/send-requests.ts';

const API = '@opentelemetry/api';
const NEWER_VERSION = '1.99.0';
const newerApi = mkdtempSync(join(tmpdir(), 'perfscope-api-'));
const server = new PerfscopeServer();
const registry = new RegistryStub();
const install = new PackedInstall('@perfscope/agent', registry);
beforeAll(async () => {
  await Promise.all([server.start(), registry.start()]);
  registry.addVersion(createNewerApi(), newerApi);
  await install.install('express@5', `${API}@${NEWER_VERSION}`);
});
afterAll(async () => {
  await server.remove();
  install.remove();
  registry.remove();
  rmSync(newerApi, { recursive: true, force: true });
});

/** Copies the OpenTelemetry API with a version that is newer than the agent. */
function createNewerApi(): PackageManifest {
  cpSync(join('node_modules', API), newerApi, { recursive: true });
  const current = JSON.parse(
    readFileSync(join(newerApi, 'package.json'), 'utf8'),
  ) as PackageManifest;
  for (const folder of ['src', 'esm', 'esnext']) {
    const file = join(newerApi, 'build', folder, 'version.js');
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(`'${current.version}'`);
    writeFileSync(file, text.replace(`'${current.version}'`, `'${NEWER_VERSION}'`));
  }
  const manifest = { ...current, version: NEWER_VERSION };
  writeFileSync(join(newerApi, 'package.json'), JSON.stringify(manifest));
  return manifest;
}

// The API ignores an SDK that was registered by an older API, such as a copy in the agent's bundle.
it('records the meters of an application whose OpenTelemetry API is newer than the agent', async () => {
  const app = new InstrumentedApp('hotel-esm.mjs', {
    env: { ...server.env, OTEL_SERVICE_NAME: 'newer' },
    cwd: install.folder,
    register: install.register,
  });
  await sendRequests(`${await app.url()}/api/o/properties/p/bookings`, 10, { method: 'POST' });
  await app.stop();
  await expectRows(
    () =>
      server.sql(`SELECT name, sum(count), sum(sum) FROM performance_metrics
        WHERE service = 'newer' AND name LIKE 'hotel.%' ORDER BY name`),
    [
      ['hotel.bookings', null, 10],
      ['hotel.price', 10, 1200],
    ],
    30_000,
  );
});
