import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import pLimit from 'p-limit';
import { afterAll, expect, it } from 'vitest';
import {
  findInstalledLibraries,
  type InstalledLibrary,
  OWN_LIBRARIES,
} from '../support/installed-libraries.ts';
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

/** Runs `doctor` for a script in a new folder. */
async function runDoctor(parent: string, name: string, code: string): Promise<string[]> {
  const file = join(createFolder(parent), name);
  writeFileSync(file, code);
  const { stdout } = await runConcurrently(() => runPerfscope(['doctor', file], env));
  return stdout.split('\n');
}

/** Returns code that loads a library. A client that Prisma generated is CommonJS, and requires a file of the runtime. */
function getLoadCode({ library: { name }, version }: InstalledLibrary, file: string): string {
  if (name === '@prisma/client') {
    const runtime = Number.parseInt(version, 10) < 7 ? 'library' : 'client';
    return `process.getBuiltinModule('module').createRequire('${file}')('${name}/runtime/${runtime}.js');`;
  }
  return file.endsWith('.mjs') ? `await import('${name}');` : `require('${name}');`;
}

/**
 * Libraries whose older versions an ES module can't import completely, and the first major version without this limit.
 * See their `limits`.
 */
const FIRST_IMPORTED: Readonly<Record<string, number>> = { '@koa/router': 15 };

function isImported({ library, version }: InstalledLibrary): boolean {
  return Number.parseInt(version, 10) >= (FIRST_IMPORTED[library.name] ?? 0);
}

/** The libraries by the folder that loads them. */
const PROJECTS = Map.groupBy(
  OWN_LIBRARIES.flatMap(findInstalledLibraries),
  ({ project }) => project,
);
const CASES = [...PROJECTS].flatMap(([project, libraries]) => [
  [relative('.', project), 'app.mjs', libraries.filter(isImported)] as const,
  [relative('.', project), 'app.cjs', libraries] as const,
]);

it.concurrent.each(CASES)(
  'measures each library in ./%s in %s',
  async (project, file, libraries) => {
    const code = libraries.map((library) => getLoadCode(library, resolve(project, file)));
    const lines = await runDoctor(resolve(project), file, `${code.join('\n')}\nprocess.exit();`);
    const expected = libraries.map(
      ({ library, version }) => `perfscope: ✓ ${library.name} ${version}`,
    );
    expect(lines).toEqual(expect.arrayContaining(expected));
    expect(lines.filter((line) => line.startsWith('perfscope: ✗'))).toEqual([
      expect.stringContaining('rows are not sent'),
    ]);
  },
);

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
  const dependencies = { bullmq: '5', express: '5', kafkajs: '2' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies }));
  installFakes(folder, {
    pg: ['7.18.2', 'commonjs'],
    express: ['5.3.0', 'module'],
    bullmq: ['5.1.0', 'commonjs'],
    kafkajs: ['2.2.4', 'commonjs'],
    graphql: ['17.0.0', 'module'],
    '@hapi/hapi': ['21.4.0', 'commonjs'],
  });
  const file = join(folder, 'app.cjs');
  writeFileSync(
    file,
    `for (const name of ['pg', 'kafkajs', '@hapi/hapi', 'node:sqlite']) require(name);
     import('express'); import('graphql'); setTimeout(() => {}, 500);`,
  );
  const { stdout, status } = await runPerfscope(['doctor', file], env);
  const lines = stdout.split('\n').filter((line) => !line.includes('rows are not sent'));
  expect(lines).toEqual([
    'perfscope: ✗ pg 7.18.2: only version 8 is supported',
    'perfscope: ✗ express 5.3.0: its ES modules are not measured',
    expect.stringMatching(
      /^perfscope: Not measured yet: (?=.*kafkajs 2\.2\.4)(?=.*@hapi\/hapi 21\.4\.0)(?=.*graphql 17\.0\.0)(?=.*node:sqlite v26)/,
    ),
    'perfscope: In package.json, but not loaded: bullmq.',
    '',
  ]);
  expect(status).toBe(1);
});

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
  expect(stdout).toContain('✗ express 5.3.0: it was loaded before the agent');
});
