// Follows the README in examples/docker without containers. Performs the steps of the Dockerfile in a temporary folder,
// and runs its command with the environment in compose.yaml.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildBookingImage, startImage } from '../support/booking-image.ts';
import { mapContainerPaths, readCompose } from '../support/compose.ts';
import type { Image } from '../support/dockerfile.ts';
import { expectRows } from '../support/expect-rows.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { QuestdbContainer } from '../support/questdb-container.ts';
import { RegistryStub } from '../support/registry-stub.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-example-docker-'));
const secrets = join(folder, 'secrets');
const registry = new RegistryStub();
const questdb = new QuestdbContainer(folder);
const server = new PerfscopeServer();
const compose = readCompose('examples/docker/compose.yaml');
const booking = compose.services.booking!;
const stack = readCompose();
let image: Image;

function query(statement: string): Promise<unknown[][]> {
  const password = readFileSync(join(secrets, 'service/questdb-password'), 'utf8').trim();
  return questdb.sql(statement, password);
}

beforeAll(async () => {
  execFileSync(process.execPath, ['deploy/secrets.mjs', secrets]);
  await Promise.all([registry.start(), questdb.reservePorts()]);
  const replacements = { ...questdb.addresses, '/run/perfscope': secrets };
  await questdb.start(mapContainerPaths(stack.services.questdb!.environment!, replacements));
  await questdb.waitUntilHealthy();
  const pgUrl = readFileSync(join(secrets, 'perfscope/questdb-pg-url'), 'utf8').trim();
  Object.assign(server.env, {
    ...mapContainerPaths(stack.services.perfscope!.environment!, replacements),
    PERFORMANCE_QUESTDB_PG_URL_FILE: undefined,
    PERFORMANCE_QUESTDB_PG_URL: mapContainerPaths(pgUrl, replacements),
  });
  await server.start();
});
afterAll(async () => {
  await server.remove();
  await questdb.stop();
  registry.remove();
  rmSync(folder, { recursive: true, force: true });
});

it('builds the image with the packed agent and a lock file', async () => {
  image = await buildBookingImage(folder, registry);
  expect(image).toMatchObject({ workdir: '/app', user: '1000:1000' });
  const files = readdirSync(join(image.root, image.workdir));
  expect(files.toSorted()).toEqual(['node_modules', 'package.json', 'server.js']);
  // The lock file contains the packed agent, and npm requests no package of this project.
  expect(registry.ownLookups).toEqual([]);
});

it('stores the requests of the image with the environment of the compose file', async () => {
  const replacements = {
    ...questdb.addresses,
    // The container mounts only this folder.
    '/run/perfscope': join(secrets, 'service'),
    '/var/spool': join(image.root, 'var/spool'),
  };
  const app = startImage(image, booking.environment!, replacements);
  const url = await app.url();
  const status = async (path: string, method = 'GET') =>
    (await fetch(url + path, { method })).status;
  expect([
    await status('/healthz'),
    await status('/rooms/7'),
    await status('/rooms/7/bookings', 'POST'),
    await status('/rooms/13/bookings', 'POST'),
  ]).toEqual([200, 200, 201, 500]);
  const [node, ...check] = mapContainerPaths(image.healthcheck, {
    'http://127.0.0.1:3000': url,
  });
  expect([node, spawnSync(process.execPath, check).status]).toEqual(['node', 0]);
  expect(await app.stop()).toBe(0);
  expect(app.stderr).toBe('');
  expect(spawnSync(process.execPath, check).status).toBe(1);
  await expectRows(
    () =>
      query(`SELECT endpoint, operation, service_version, environment, sum(count), sum(error_count)
        FROM performance_metrics WHERE service = 'booking' AND metric_type = 'API_RESPONSE_TIME'
        AND name = 'http.server.request.duration' ORDER BY endpoint`),
    [
      ['/rooms/:id', 'GET', '1.0.0', 'production', 1, 0],
      ['/rooms/:id/bookings', 'POST', '1.0.0', 'production', 2, 1],
    ],
  );
  expect(await query("SELECT message FROM error_logs WHERE service = 'booking'")).toEqual([
    ['Room 13 does not exist.'],
  ]);
  // The agent accepts the folder that the Dockerfile creates as its spool.
  expect(statSync(join(image.root, 'var/spool/perfscope/booking')).isDirectory()).toBe(true);
});
