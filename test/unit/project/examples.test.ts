import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseSettings } from '../../../src/core/config/parse-settings.ts';
import { VARIABLES } from '../../../src/core/config/setting-definitions.ts';
import { VERSION } from '../../../src/core/version.ts';
import { readCompose, type VolumeMount } from '../../support/compose.ts';
import { readInstructions } from '../../support/dockerfile.ts';

const EXAMPLES = readdirSync('examples', { withFileTypes: true })
  .filter((each) => each.isDirectory())
  .map(({ name }) => name);
const TESTS = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => /(e2e|integration)\/.*\.test\.ts$/.test(file))
  .map((file) => readFileSync(join('test', file), 'utf8'));
const FILES = readdirSync('examples', { recursive: true, withFileTypes: true })
  .filter(
    (each) => each.isFile() && !/node_modules|vendor|\.(next|nitro|output)/.test(each.parentPath),
  )
  .map(({ parentPath, name }) => join(parentPath, name));

it.each(EXAMPLES)('a test runs the example %s', (name) => {
  const reference = new RegExp(
    `\\b(examples/${name}\\b|name: '${name}',\\s+packages:|installExample\\('${name}')`,
  );
  expect(TESTS.filter((text) => reference.test(text))).not.toEqual([]);
});

it.each(EXAMPLES)('the list of examples contains %s, which has a README', (name) => {
  expect(readFileSync('examples/README.md', 'utf8')).toContain(`[${name}](${name}/README.md)`);
  expect(existsSync(join('examples', name, 'README.md'))).toBe(true);
});

it.each(FILES)('%s contains only settings that exist', (file) => {
  const names = readFileSync(file, 'utf8').match(/\b(PERFORMANCE|SYSTEM_HEALTH)_[A-Z_]*[A-Z]\b/g);
  expect((names ?? []).filter((name) => !(name in VARIABLES))).toEqual([]);
});

it.each(FILES.filter((file) => file.endsWith('.md')))(
  '%s says to stop a service or consumer before `doctor` starts it again',
  (file) => {
    const hints = readFileSync(file, 'utf8').match(
      /^.*\s.*@perfscope\/agent doctor (server|worker|consumer|\.output)/gm,
    );
    for (const hint of hints ?? [])
      expect(hint).toMatch(/stop the (service|worker|consumer), and run/);
  },
);

it.each(FILES.filter((file) => file.endsWith('.md')))(
  '%s installs packages of an example without a lock file',
  (file) => {
    const commands = readFileSync(file, 'utf8').match(/cd examples\/\S+ && npm install.*/g);
    for (const command of commands ?? []) expect(command).toContain('--no-package-lock');
  },
);

it('the worker README lists alerts that exist', () => {
  const folder = 'src/server/alerts/rules/default-rules';
  const rules = readdirSync(folder).flatMap((file) =>
    (parse(readFileSync(join(folder, file), 'utf8')).rules ?? []).map(
      ({ name }: { name: string }) => name,
    ),
  );
  const table = readFileSync('examples/worker/README.md', 'utf8').matchAll(/^\| `([\w-]+)`/gm);
  const alerts = [...table].map(([, name]) => name);
  expect(alerts.length).toBeGreaterThan(3);
  expect(alerts.filter((name) => !rules.includes(name))).toEqual([]);
});

it('examples with a packed agent use the file name of this version', () => {
  const pattern = /perfscope-agent-[\w.-]+?\.tgz/g;
  const names = FILES.flatMap((file) => readFileSync(file, 'utf8').match(pattern) ?? []);
  expect(names.length).toBeGreaterThan(1);
  expect(new Set(names)).toEqual(new Set([`perfscope-agent-${VERSION}.tgz`]));
});

it('the Docker example uses the base image of the product', () => {
  const bases = (file: string) => [
    ...new Set(
      readInstructions(file)
        .filter(({ keyword, text }) => keyword === 'FROM' && text.startsWith('node:'))
        .map(({ text }) => text.split(' ')[0]),
    ),
  ];
  expect(bases('examples/docker/Dockerfile')).toEqual(bases('Dockerfile'));
});

it('the Docker example joins the network and the volume of the stack', () => {
  const stack = readCompose();
  const { services, networks, volumes } = readCompose('examples/docker/compose.yaml');
  // Without its own networks, the stack has only the default network.
  expect([stack.networks, stack.services.questdb!.networks]).toEqual([undefined, undefined]);
  expect(networks).toEqual({ default: { name: `${stack.name}_default`, external: true } });
  expect(stack.volumes).toHaveProperty('secrets', null);
  expect(volumes).toEqual({
    secrets: { name: `${stack.name}_secrets`, external: true },
    spool: null,
  });
  const booking = services.booking!;
  const [secrets, spool] = booking.volumes as unknown as [VolumeMount, string];
  expect(secrets).toMatchObject({
    source: 'secrets',
    read_only: true,
    volume: { subpath: 'service' },
  });
  // The owner of the files in this folder, and the user of the image.
  expect(readFileSync('deploy/secrets.mjs', 'utf8')).toContain('service: 1000,');
  const instructions = readInstructions('examples/docker/Dockerfile');
  expect(instructions).toContainEqual({ keyword: 'USER', text: '1000:1000' });
  const env = booking.environment!;
  expect(env.PERFORMANCE_QUESTDB_PASSWORD_FILE).toBe(`${secrets.target}/questdb-password`);
  const [, spoolFolder] = spool.split(':');
  expect(instructions).toContainEqual({
    keyword: 'RUN',
    text: `install -d -o 1000 -g 1000 -m 0700 ${spoolFolder}`,
  });
  const { PERFORMANCE_QUESTDB_PASSWORD_FILE: _, ...settings } = env;
  expect(parseSettings(settings).problems).toEqual([]);
  expect(booking).toMatchObject({ cap_drop: ['ALL'], read_only: true });
  expect(Number.parseInt(booking.stop_grace_period!, 10) * 1000).toBeGreaterThan(
    Number(env.PERFORMANCE_EXIT_TIMEOUT),
  );
});
