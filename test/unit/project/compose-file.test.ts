import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { QUESTDB_VERSION } from '../../../src/storage/questdb/questdb-release.mjs';
import { TUNING_SETTINGS } from '../../../src/storage/questdb/server-conf.ts';
import { readCompose } from '../../support/compose.ts';

const { services, volumes } = readCompose();
const allServices = Object.entries(services);
const longRunning = allServices.filter(([, { restart }]) => restart !== 'no');
const mountedVolumes = allServices.flatMap(([name, each]) =>
  // This file uses only the short form.
  (each.volumes ?? []).map((volume) => [name, volume as string]),
);
const COLLECTOR_FILES = readdirSync('collector', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => join('collector', name));
const dockerfiles = ['Dockerfile', 'collector/Dockerfile'];

it('runs the demo services only with the demo profile', () => {
  const names = allServices.filter(([, { profiles }]) => !profiles).map(([name]) => name);
  expect(names.toSorted()).toEqual([
    'alertmanager',
    'collector',
    'first-key',
    'gateway',
    'gateway-key',
    'grafana',
    'perfscope',
    'prometheus',
    'questdb',
    'secrets',
  ]);
  const demo = allServices
    .filter(([, { profiles }]) => profiles?.includes('demo'))
    .map(([name]) => name);
  expect(demo.toSorted()).toEqual(['demo', 'postgres', 'redis']);
});

it.each(allServices)('pins the version of the %s image', (_name, { image }) => {
  expect(image).toMatch(/:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
});

it.each(dockerfiles)('pins the base images of %s', (file) => {
  const bases = [...readFileSync(file, 'utf8').matchAll(/^FROM (\S+)/gm)].map(([, base]) => base!);
  const stages = [...readFileSync(file, 'utf8').matchAll(/ AS (\S+)/g)].map(([, name]) => name!);
  const images = bases.filter((base) => !stages.includes(base));
  expect(images.length).toBeGreaterThan(0);
  for (const image of images) expect(image).toMatch(/^[\w./-]+:\d+\.\d+\.\d+(-[a-z-]+)?$/);
});

it.each(Object.entries(TUNING_SETTINGS))(
  'sets %s for QuestDB, and documents the setting for existing servers',
  (key, value) => {
    const variable = `QDB_${key.toUpperCase().replaceAll('.', '_')}`;
    expect(services.questdb?.environment).toMatchObject({ [variable]: value });
    expect(readFileSync('docs/deploy.md', 'utf8')).toContain(`\n${key}=${value}\n`);
  },
);

it('copies only existing files that .dockerignore allows into the image', () => {
  const allowed = readFileSync('.dockerignore', 'utf8').match(/(?<=^!).+/gm)!;
  const copies = readFileSync('Dockerfile', 'utf8').matchAll(/^COPY (?!--from)(.+) \S+$/gm);
  const sources = [...copies].flatMap(([, files]) => files!.split(' '));
  expect(sources.length).toBeGreaterThan(6);
  for (const source of sources.filter((each) => !each.includes('*'))) {
    expect(existsSync(source)).toBe(true);
    expect(allowed).toContain(source);
  }
  // The build compiles the sources, and packs the agent with its template and the license.
  expect(sources).toEqual(
    expect.arrayContaining(['LICENSE', 'demo', 'package-lock.json', 'packages', 'scripts', 'src']),
  );
});

it('uses the same versions as the tests', () => {
  expect(services.questdb?.image).toBe(`questdb/questdb:${QUESTDB_VERSION}`);
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(services.perfscope?.image).toBe(`perfscope:${version}`);
  expect(services.demo?.image).toBe(`perfscope-demo:${version}`);
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const node = lock.packages['node_modules/node'].version as string;
  for (const [, found] of readFileSync('Dockerfile', 'utf8').matchAll(/FROM node:([\d.]+)/g)) {
    expect(found).toBe(node);
  }
  const builder = parse(readFileSync('collector/builder.yaml', 'utf8'));
  expect(readFileSync('collector/Dockerfile', 'utf8')).toContain(
    `contrib:${builder.dist.version} `,
  );
});

it.each(longRunning)('defines a health check and a restart policy for %s', (_name, service) => {
  expect(service.restart).toBe('unless-stopped');
  expect(service.healthcheck?.test?.length).toBeGreaterThan(1);
});

it.each(allServices)('publishes the ports of %s only on loopback', (_name, { ports }) => {
  for (const port of ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:(\$\{\w+:-\d+\}|\d+):\d+$/);
});

it.each(allServices)(
  'runs %s as a non-root user and without capabilities',
  (name, { cap_drop, user }) => {
    expect(cap_drop).toEqual(['ALL']);
    if (name !== 'secrets') expect(user ?? '').not.toMatch(/^(0|root)\b/);
  },
);

it.each(allServices)(
  'starts %s after its dependencies are healthy or have completed',
  (_name, service) => {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      const runsOnce = services[other]?.restart === 'no';
      expect(condition).toBe(runsOnce ? 'service_completed_successfully' : 'service_healthy');
    }
  },
);

it('defines every volume it uses, and uses every volume it defines', () => {
  const used = mountedVolumes
    .map(([, volume]) => volume!.split(':')[0]!)
    .filter((v) => /^\w/.test(v));
  expect([...new Set(used)].toSorted()).toEqual(Object.keys(volumes).toSorted());
});

it('mounts existing files as read-only', () => {
  const mounted = mountedVolumes.filter(([, volume]) => /^[./]/.test(volume!));
  expect(mounted.length).toBeGreaterThan(3);
  for (const [, volume] of mounted) {
    const [from, , mode] = volume!.split(':');
    expect(existsSync(join('.', from!)) || existsSync(from!)).toBe(true);
    expect(mode).toBe('ro');
  }
});

/** Returns whether a line contains the value of a secret. The path of a secret file or a variable is allowed. */
function containsSecret(line: string): boolean {
  const assignment = /^[\s-]*["']?[\w.]*(password|token|secret|credentials)\w*["']?\s*[:=]\s*\S/i;
  return assignment.test(line) && !/\/run\/perfscope\/|: \{ condition: |\$\{env:/.test(line);
}

it.each([
  '      POSTGRES_PASSWORD: hunter2',
  '      - GF_SECURITY_ADMIN_PASSWORD=admin',
  '      PERFORMANCE_METRICS_TOKEN: "0123456789abcdef"',
])('detects the password in "%s"', (line) => {
  expect(containsSecret(line)).toBe(true);
});

it('uses an existing dashboard as the Grafana home page', () => {
  const home = services.grafana!.environment!.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH!;
  expect(existsSync(home.replace('/etc/grafana', 'grafana'))).toBe(true);
});

it('contains no passwords, because each secret is created at the first start', () => {
  const files = ['docker-compose.yml', ...dockerfiles, ...COLLECTOR_FILES];
  files.push('deploy/prometheus/prometheus.yml', 'deploy/alertmanager/alertmanager.yml');
  for (const file of files) {
    const lines = readFileSync(file, 'utf8').split('\n');
    expect([file, lines.filter(containsSecret)]).toEqual([file, []]);
  }
});

it('starts the Collectors with existing files', () => {
  const commands = [...services.collector!.command!, ...services.gateway!.command!];
  expect(commands).toHaveLength(4);
  for (const argument of commands) {
    expect(COLLECTOR_FILES).toContain(argument.replace('--config=/etc/otelcol', 'collector'));
  }
});

it('creates every secret that a container reads', () => {
  const script = readFileSync('deploy/secrets.mjs', 'utf8');
  const text = ['docker-compose.yml', 'deploy/prometheus/prometheus.yml']
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const secrets = [...text.matchAll(/\/run\/perfscope\/([\w-]+)\/([\w.-]+)/g)];
  expect(secrets.length).toBeGreaterThan(10);
  for (const [, owner, name] of secrets) {
    if (name === 'admin-key') continue;
    expect(script).toMatch(new RegExp(`(write|create)Secret\\(\\s*'${owner}',\\s*'${name}'`));
  }
});
