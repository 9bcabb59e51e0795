// Follows the README in examples/kubernetes without a cluster. Runs the commands of the containers with the environment
// and the volumes in the manifests.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildBookingImage, startImage } from '../support/booking-image.ts';
import { readDocBlocks } from '../support/doc-blocks.ts';
import { expectRows } from '../support/expect-rows.ts';
import { readManifests, readWorkload } from '../support/kubernetes-manifests.ts';
import { KubernetesPod } from '../support/kubernetes-pod.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { QuestdbContainer } from '../support/questdb-container.ts';
import { RegistryStub } from '../support/registry-stub.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

const README = 'examples/kubernetes/README.md';
const folder = mkdtempSync(join(tmpdir(), 'perfscope-example-kubernetes-'));
const secret = join(folder, 'secrets');
const questdb = new QuestdbContainer(folder);
const registry = new RegistryStub();
const server = new PerfscopeServer();
const blocks = readDocBlocks(readFileSync(README, 'utf8'), README);
let adminKey = '';

/** Returns the first code block under a heading that contains a text. */
function findBlock(heading: string, text: string): string {
  return blocks.find((each) => each.heading === heading && each.text.includes(text))!.text;
}

function createPod(workload: string, name: string): KubernetesPod {
  return new KubernetesPod(readWorkload(workload), {
    name,
    folder,
    secret,
    addresses: questdb.addresses,
  });
}

beforeAll(async () => {
  const script = findBlock('Create the secrets', 'openssl');
  execFileSync('sh', ['-c', script], { cwd: folder });
  await Promise.all([registry.start(), questdb.reservePorts()]);
});
afterAll(async () => {
  await server.remove();
  await questdb.stop();
  registry.remove();
  rmSync(folder, { recursive: true, force: true });
});

it('the README creates secrets that only their owner can read', () => {
  const password = readFileSync(join(secret, 'writer-password'), 'utf8').trim();
  const reader = readFileSync(join(secret, 'reader-password'), 'utf8').trim();
  expect([password.length, reader.length]).toEqual([48, 48]);
  expect(readFileSync(join(secret, 'pg-url'), 'utf8')).toContain(`:${reader}@questdb:8812/`);
  expect(statSync(secret).mode & 0o777).toBe(0o700);
  expect(statSync(join(secret, 'pg-url')).mode & 0o777).toBe(0o600);
});

it('QuestDB starts, and its probes succeed', async () => {
  const pod = createPod('questdb', 'questdb-0');
  const [container] = readWorkload('questdb').spec.template.spec.containers;
  await questdb.start(pod.getEnvironment(container!));
  const { startupProbe, readinessProbe, livenessProbe, ports } = container!;
  for (const probe of [startupProbe, readinessProbe, livenessProbe]) {
    const port = ports!.find(({ name }) => name === probe!.httpGet.port);
    // The port that `questdb.ports.min` replaces.
    expect(port!.containerPort).toBe(9003);
    await questdb.waitUntilHealthy(probe!.httpGet.path);
  }
});

it('the init container creates the first key only once', async () => {
  const pod = createPod('perfscope', 'perfscope-0');
  const [container] = readWorkload('perfscope').spec.template.spec.initContainers!;
  const env = { PATH: process.env.PATH, ...pod.getEnvironment(container!) };
  const run = () => runPerfscope(pod.getArguments(container!), env);
  expect(await run()).toMatchObject({ status: 0, stdout: '' });
  const [, path = ''] = /exec perfscope-0 -- cat (\S+)/.exec(findBlock('Start', 'cat')) ?? [];
  const file = pod.findFile(container!, path);
  adminKey = readFileSync(file, 'utf8').trim();
  expect(adminKey).toMatch(/^psk_/);
  expect(await run()).toMatchObject({
    status: 0,
    stderr: expect.stringContaining('A key was already created'),
  });
  expect(readFileSync(file, 'utf8').trim()).toBe(adminKey);
});

it('the server starts, its probes succeed, and it requires the key', async () => {
  const pod = createPod('perfscope', 'perfscope-0');
  const [container] = readWorkload('perfscope').spec.template.spec.containers;
  // The command of the image is `perfscope serve`.
  expect(container!.args).toBeUndefined();
  Object.assign(server.env, pod.getEnvironment(container!));
  await server.start();
  const { startupProbe, readinessProbe, livenessProbe } = container!;
  for (const probe of [startupProbe, readinessProbe, livenessProbe])
    await waitFor(async () => (await fetch(server.url + probe!.httpGet.path)).status === 200);
  expect(readinessProbe!.httpGet.path).toBe('/readyz');
  const status = async (headers: Record<string, string>) =>
    (await fetch(`${server.url}/api/performance/dashboard`, { headers })).status;
  expect([await status({}), await status({ Authorization: `Bearer ${adminKey}` })]).toEqual([
    401, 200,
  ]);
});

it('the requests of both replicas are stored', async () => {
  const image = await buildBookingImage(folder, registry);
  const workload = readWorkload('booking');
  const [container] = workload.spec.template.spec.containers;
  for (let replica = 1; replica <= workload.spec.replicas; replica++) {
    const pod = createPod('booking', `booking-${replica}`);
    const app = startImage(image, pod.getEnvironment(container!), {});
    const url = await app.url();
    for (const probe of [container!.readinessProbe, container!.livenessProbe])
      expect((await fetch(url + probe!.httpGet.path)).status).toBe(200);
    expect((await fetch(`${url}/rooms/7`)).status).toBe(200);
    expect([await app.stop(), app.stderr]).toEqual([0, '']);
    expect(statSync(join(pod.getVolume('spool'), 'booking')).isDirectory()).toBe(true);
  }
  const [, statement = ''] = /"(SELECT[^"]+)"/.exec(findBlock('Verify', 'SELECT')) ?? [];
  const query = async () => {
    const { stdout, stderr, status } = await runPerfscope(
      ['query', '--json', statement],
      server.env,
    );
    if (status !== 0) throw new Error(stderr);
    const rows = JSON.parse(stdout) as Record<string, unknown>[];
    return rows.map((row) => [row.service, row.service_version, row.requests]);
  };
  const row = ['booking', '1.0.0', 1];
  await expectRows(query, [row, row]);
});

it('KEDA gets the number of replicas with the key', async () => {
  const [, scaled] = readManifests('keda.yaml') as unknown as {
    spec: {
      minReplicaCount: number;
      triggers: { metadata: { url: string; valueLocation: string } }[];
    };
  }[];
  const { url, valueLocation } = scaled!.spec.triggers[0]!.metadata;
  expect(new URL(url).host).toBe('perfscope.perfscope.svc:4001');
  const response = await fetch(url.replace(/^http:\/\/[^/]+/, server.url), {
    headers: { Authorization: `Bearer ${adminKey}` },
  });
  expect(response.status).toBe(200);
  const value = ((await response.json()) as Record<string, unknown>)[valueLocation];
  expect(value).toBeGreaterThanOrEqual(scaled!.spec.minReplicaCount);
});
