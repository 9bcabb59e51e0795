import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import pLimit from 'p-limit';
import { afterAll, expect, it } from 'vitest';
import { LIBRARIES } from '../../src/agent/instrumentation/library-table.ts';
import {
  formatVersionRange,
  type Library,
} from '../../src/agent/instrumentation/loading/library.ts';
import {
  findInstalledLibraries,
  type InstalledLibrary,
  isDeclared,
  OWN_LIBRARIES,
} from '../support/installed-libraries.ts';
import { runDoctor } from '../support/run-doctor.ts';
import { runPerfscope } from '../support/run-perfscope.ts';

const env = { PATH: process.env.PATH, HOME: tmpdir() };
const runConcurrently = pLimit(3);
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function createFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, 'doctor-'));
  folders.push(folder);
  return folder;
}

/** Libraries whose measured files are loaded by a command, or by a generated client. Both use `require`. */
const MEASURED_FILES: Readonly<Record<string, (version: string) => string>> = {
  next: () => 'next/dist/server/base-server.js',
  '@prisma/client': (version) =>
    `@prisma/client/runtime/${Number.parseInt(version, 10) < 7 ? 'library' : 'client'}.js`,
};

/** Returns code that loads a library as its users do. */
function formatLoad({ library: { name }, version }: InstalledLibrary, isModule: boolean): string {
  const file = MEASURED_FILES[name]?.(version);
  if (!isModule || file) return `require('${file ?? name}');`;
  return `await import('${name}');`;
}

/**
 * Libraries whose older versions an ES module can't import completely, and the first major version without this limit.
 * See their `limits`.
 */
const FIRST_IMPORTED: Readonly<Record<string, number>> = { '@koa/router': 15 };

function isImported({ library, version }: InstalledLibrary): boolean {
  return Number.parseInt(version, 10) >= (FIRST_IMPORTED[library.name] ?? 0);
}

const CREATE_REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Libraries that work through a driver. */
const ORMS = LIBRARIES.filter(({ through }) => through !== undefined);
/** The libraries by the folder that loads them. */
const PROJECTS = Map.groupBy(
  [...OWN_LIBRARIES, ...ORMS].flatMap(findInstalledLibraries),
  ({ project }) => project,
);
/** Bull 4.8 installs its own ioredis. */
const NESTED_VERSION = /^✗ ioredis 4\./;
const NODE_VERSIONS = [26, 24, 22] as const;
/** Both kinds of modules run on each Node version. */
const CASES = [...PROJECTS]
  .flatMap(([project, libraries]) => [
    { project, file: 'app.mjs', libraries: libraries.filter(isImported) },
    { project, file: 'app.cjs', libraries },
  ])
  .map((each, i) => ({
    ...each,
    folder: relative('.', each.project) || '.',
    node: NODE_VERSIONS[i % 3]!,
    // The first folder has most libraries.
    isInCi: i < 2 || i % 4 === 0 || i % 4 === 3,
  }));

const TITLE = 'measures each library in $folder in $file on Node $node';
it.concurrent.each(CASES.filter(({ isInCi }) => isInCi))(TITLE, checkLibraries);
// Long: in CI, each folder has one kind of module.
it.concurrent.each(CASES.filter(({ isInCi }) => !isInCi))(TITLE, { tags: 'long' }, checkLibraries);

async function checkLibraries({ project, file, libraries, node }: (typeof CASES)[number]) {
  const isModule = file.endsWith('.mjs');
  const code = libraries.map((each) => formatLoad(each, isModule));
  const needsDriver = libraries.some(({ library }) => library.through !== undefined);
  const drivers = OWN_LIBRARIES.filter(({ name }) => needsDriver && isDeclared(project, name));
  code.unshift(...drivers.map(({ name }) => `require('${name}');`));
  if (isModule) code.unshift(CREATE_REQUIRE);
  const path = join(createFolder(project), file);
  writeFileSync(path, `${code.join('\n')}\nprocess.exit();`);
  const lines = await runConcurrently(() => runDoctor([path], { node }));
  const expected = libraries.map(({ library: { name, through }, version }) =>
    expect.stringMatching(`^✓ ${name} ${version}${through ? ' \\(through \\S+\\)' : ''}$`),
  );
  expect(lines).toEqual(expect.arrayContaining(expected));
  const problems = lines.filter((line) => line.startsWith('✗') && !NESTED_VERSION.test(line));
  expect(problems).toEqual([]);
}

/** Installs packages without content in `folder`. */
function installFakes(
  folder: string,
  packages: Readonly<Record<string, [version: string, type: string]>>,
) {
  for (const [name, [version, type]] of Object.entries(packages)) {
    const path = join(folder, 'node_modules', name);
    mkdirSync(path, { recursive: true });
    writeFileSync(
      join(path, 'package.json'),
      JSON.stringify({ name, version, type, main: 'index.js' }),
    );
    writeFileSync(join(path, 'index.js'), '');
  }
}

it('explains each reason why a library is not measured', async () => {
  const folder = createFolder(tmpdir());
  const dependencies = { bullmq: '5', express: '5', nats: '2' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies }));
  installFakes(folder, {
    pg: ['7.18.2', 'commonjs'],
    express: ['5.3.0', 'module'],
    bullmq: ['5.1.0', 'commonjs'],
    nats: ['2.29.0', 'commonjs'],
    elysia: ['1.4.0', 'module'],
    restify: ['11.1.0', 'commonjs'],
  });
  const file = join(folder, 'app.cjs');
  writeFileSync(
    file,
    `for (const name of ['pg', 'nats', 'restify', 'node:sqlite']) require(name);
     import('express'); import('elysia'); setTimeout(() => {}, 500);`,
  );
  const { stdout, status } = await runPerfscope(['doctor', file], env);
  const lines = stdout.split('\n').filter((line) => !line.includes('rows are not sent'));
  expect(lines.filter((line) => !line.includes('✓ node:sqlite'))).toEqual([
    'perfscope: ✗ pg 7.18.2: only version 8 is supported. Install a newer version.',
    'perfscope: ✗ express 5.3.0: its ES modules are not measured. Load it with require().',
    expect.stringMatching(
      /^perfscope: Not measured yet: (?=.*nats 2\.29\.0)(?=.*restify 11\.1\.0)(?=.*elysia 1\.4\.0)/,
    ),
    'perfscope: In package.json, but not loaded: bullmq.',
    '',
  ]);
  expect(status).toBe(1);
});

it.concurrent.each(NODE_VERSIONS)(
  'lists the versions of each library that are too old or too new on Node %s',
  async (node) => {
    const folder = createFolder(tmpdir());
    const packages = LIBRARIES.filter(
      ({ isBuiltIn, partOf, readBundledVersion }) => !isBuiltIn && !partOf && !readBundledVersion,
    );
    const createVersions = (versions: (library: Library) => string) =>
      packages.map((each) => [each.name, versions(each)] as const);
    const versions = {
      old: createVersions(({ versions: { from } }) => findOlderVersion(from)),
      new: createVersions(({ versions: { to } }) => `${to + 1}.0.0`),
    };
    for (const [name, list] of Object.entries(versions)) {
      mkdirSync(join(folder, name));
      const fakes = list.map(([each, version]) => [each, [version, 'commonjs']] as const);
      installFakes(join(folder, name), Object.fromEntries(fakes) as never);
      const code = list.map(([each]) => `require('${each}');`);
      writeFileSync(join(folder, name, 'load.js'), code.join('\n'));
    }
    const file = join(folder, 'app.cjs');
    writeFileSync(file, "require('./old/load.js'); require('./new/load.js'); process.exit();");
    const lines = await runConcurrently(() => runDoctor([file], { node }));
    const format = (list: readonly (readonly [string, string])[], advice: string) =>
      list.map(([name, version]) => {
        const range = formatVersionRange(packages.find((each) => each.name === name)!.versions);
        return `✗ ${name} ${version}: only version ${range} is supported. ${advice}`;
      });
    expect(lines.toSorted()).toEqual(
      [
        ...format(versions.old, 'Install a newer version.'),
        ...format(versions.new, 'Update the agent, or install an older version.'),
      ].toSorted(),
    );
  },
);

/** Returns the version before another one, such as `0.29.9` before `0.30.0`. */
function findOlderVersion(version: string): string {
  const parts = version.split('.').map(Number);
  const last = parts.findLastIndex((part) => part > 0);
  return parts.map((part, i) => (i < last ? part : i === last ? part - 1 : 9)).join('.');
}

it.concurrent.each(['22.22.1', '24.11.0'])(
  'explains that Node %s can not measure ES modules',
  async (version) => {
    const folder = createFolder(tmpdir());
    const dependencies = { hono: '4', express: '5' };
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies }));
    installFakes(folder, { hono: ['4.12.0', 'module'], express: ['5.3.0', 'commonjs'] });
    const file = join(folder, 'app.mjs');
    writeFileSync(file, "import 'hono'; process.exit();");
    const older = join(folder, 'older.cjs');
    writeFileSync(
      older,
      `Object.defineProperty(process.versions, 'node', { value: '${version}' });`,
    );
    const NODE_OPTIONS = `--require ${older}`;
    const lines = await runConcurrently(() => runDoctor([file], { env: { NODE_OPTIONS } }));
    expect(lines).toEqual([
      '✗ hono 4.12.0: it is an ES module, which needs Node.js 22.23, 24.11.1, or newer',
      'In package.json, but not loaded: express.',
    ]);
  },
);

it('explains that a library was loaded before the agent', async () => {
  const folder = createFolder(tmpdir());
  installFakes(folder, { express: ['5.3.0', 'commonjs'] });
  const file = join(folder, 'app.cjs');
  writeFileSync(file, "require('express'); setTimeout(() => {}, 500);");
  const early = join(folder, 'early.cjs');
  writeFileSync(early, "require('express');");
  const { stdout } = await runPerfscope(['doctor', file], {
    ...env,
    NODE_OPTIONS: `--require ${early}`,
  });
  expect(stdout).toContain('✗ express 5.3.0: it was loaded before the agent. Move');
});
