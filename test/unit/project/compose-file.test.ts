import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { QUESTDB_VERSION } from '../../../src/storage/questdb/questdb-jar.mjs';
import { TUNING_SETTINGS } from '../../../src/storage/questdb/server-conf.ts';
import { readCompose } from '../../support/compose.ts';

const { services, volumes } = readCompose();
const all = Object.entries(services);
const longRunning = all.filter(([, { restart }]) => restart !== 'no');
const volumesOf = all.flatMap(([name, each]) =>
  (each.volumes ?? []).map((volume) => [name, volume]),
);
const dockerfiles = ['Dockerfile', 'collector/Dockerfile'];

it('has every part of the stack, and the demo only where it is asked for', () => {
  const names = all.filter(([, { profiles }]) => !profiles).map(([name]) => name);
  expect(names.toSorted()).toEqual([
    'alertmanager',
    'collector',
    'first-key',
    'grafana',
    'perfscope',
    'prometheus',
    'questdb',
    'secrets',
  ]);
  const demo = all.filter(([, { profiles }]) => profiles?.includes('demo')).map(([name]) => name);
  expect(demo.toSorted()).toEqual(['demo', 'postgres', 'redis']);
});

it.each(all)('pins the image of %s', (_name, { image }) => {
  expect(image).toMatch(/:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
});

it.each(dockerfiles)('pins what %s begins with', (file) => {
  const bases = [...readFileSync(file, 'utf8').matchAll(/^FROM (\S+)/gm)].map(([, base]) => base!);
  const stages = [...readFileSync(file, 'utf8').matchAll(/ AS (\S+)/g)].map(([, name]) => name!);
  const images = bases.filter((base) => !stages.includes(base));
  expect(images.length).toBeGreaterThan(0);
  for (const image of images) expect(image).toMatch(/^[\w./-]+:\d+\.\d+\.\d+(-[a-z-]+)?$/);
});

it.each(Object.entries(TUNING_SETTINGS))(
  'sets %s for QuestDB, and tells who has one',
  (key, value) => {
    const variable = `QDB_${key.toUpperCase().replaceAll('.', '_')}`;
    expect(services.questdb?.environment).toMatchObject({ [variable]: value });
    expect(readFileSync('docs/deploy.md', 'utf8')).toContain(`\n${key}=${value}\n`);
  },
);

it('copies into the image what is there, and what .dockerignore lets in', () => {
  const allowed = readFileSync('.dockerignore', 'utf8').match(/(?<=^!).+/gm)!;
  const copies = readFileSync('Dockerfile', 'utf8').matchAll(/^COPY (?!--from)(.+) \S+$/gm);
  const sources = [...copies].flatMap(([, words]) => words!.split(' '));
  expect(sources.length).toBeGreaterThan(6);
  for (const source of sources.filter((each) => !each.includes('*'))) {
    expect(existsSync(source)).toBe(true);
    expect(allowed).toContain(source);
  }
});

it('has the versions that everything else is tested with', () => {
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

it.each(longRunning)('asks %s for its health, and starts it again', (_name, service) => {
  expect(service.restart).toBe('unless-stopped');
  expect(service.healthcheck?.test?.length).toBeGreaterThan(1);
});

it.each(all)('publishes %s on loopback only', (_name, { ports }) => {
  for (const port of ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:(\$\{\w+:-\d+\}|\d+):\d+$/);
});

it.each(all)('takes from %s what it does not need', (name, { cap_drop, user }) => {
  expect(cap_drop).toEqual(['ALL']);
  if (name !== 'secrets') expect(user ?? '').not.toMatch(/^(0|root)\b/);
});

it.each(all)('waits before %s for what it needs to be healthy, or done', (_name, service) => {
  for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
    const ends = services[other]?.restart === 'no';
    expect(condition).toBe(ends ? 'service_completed_successfully' : 'service_healthy');
  }
});

it('names every volume that it uses, and uses every one', () => {
  const named = volumesOf.map(([, volume]) => volume!.split(':')[0]!).filter((v) => /^\w/.test(v));
  expect([...new Set(named)].toSorted()).toEqual(Object.keys(volumes).toSorted());
});

it('mounts files that are there, and does not write to them', () => {
  const mounted = volumesOf.filter(([, volume]) => /^[./]/.test(volume!));
  expect(mounted.length).toBeGreaterThan(3);
  for (const [, volume] of mounted) {
    const [from, , mode] = volume!.split(':');
    expect(existsSync(join('.', from!)) || existsSync(from!)).toBe(true);
    expect(mode).toBe('ro');
  }
});

/** Whether a line gives a secret its value; what names a file of one is a path. */
function holdsSecret(line: string): boolean {
  const named = /^[\s-]*["']?[\w.]*(password|token|secret|credentials)\w*["']?\s*[:=]\s*\S/i;
  return named.test(line) && !/\/run\/perfscope\/|: \{ condition: /.test(line);
}

it.each([
  '      POSTGRES_PASSWORD: hunter2',
  '      - GF_SECURITY_ADMIN_PASSWORD=admin',
  '      PERFORMANCE_METRICS_TOKEN: "0123456789abcdef"',
])('would find the password in %s', (line) => {
  expect(holdsSecret(line)).toBe(true);
});

it('shows at first a dashboard that is there', () => {
  const home = services.grafana!.environment!.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH!;
  expect(existsSync(home.replace('/etc/grafana', 'grafana'))).toBe(true);
});

it('holds no password: each comes from a file that is made at the first start', () => {
  const files = ['docker-compose.yml', ...dockerfiles, 'collector/config.yaml'];
  files.push('deploy/prometheus/prometheus.yml', 'deploy/alertmanager/alertmanager.yml');
  for (const file of files) {
    const lines = readFileSync(file, 'utf8').split('\n');
    expect([file, lines.filter(holdsSecret)]).toEqual([file, []]);
  }
});

it('finds every secret that a container reads among those that are made', () => {
  const made = readFileSync('deploy/secrets.mjs', 'utf8');
  const text = ['docker-compose.yml', 'deploy/prometheus/prometheus.yml']
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const read = [...text.matchAll(/\/run\/perfscope\/([\w-]+)\/([\w.-]+)/g)];
  expect(read.length).toBeGreaterThan(10);
  for (const [, owner, name] of read) {
    if (name === 'admin-key') continue;
    expect(made).toMatch(new RegExp(`(put|secret)\\('${owner}', '${name}'`));
  }
});
