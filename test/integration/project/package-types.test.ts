import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PackedPackages } from '../../support/packed-packages.ts';

const NAMES = ['perfscope', '@perfscope/agent'];
const CONSUMER = 'test/apps/type-consumer.ts';
/** An older compiler, which `@arethetypeswrong/core` depends on. */
const OLD_TYPESCRIPT = createRequire(
  createRequire(import.meta.url).resolve('@arethetypeswrong/core'),
).resolve('typescript');
const COMPILERS = {
  'TypeScript 7': resolve('node_modules/typescript/bin/tsc'),
  'TypeScript 5.6': join(dirname(OLD_TYPESCRIPT), 'tsc.js'),
};
/** Compiler options of three kinds of projects. Only the first project has the types of Node.js. */
const PROJECTS = {
  node16: { module: 'node16', lib: ['es2023'], types: ['node'] },
  nodenext: { module: 'nodenext', lib: ['es2023', 'dom'], types: [] },
  bundler: {
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2023', 'dom', 'dom.asynciterable'],
    types: [],
  },
};

const packages = new PackedPackages();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-types-'));
beforeAll(() => {
  for (const name of NAMES) packages.unpack(name, folder);
  for (const name of ['@types/node', 'undici-types'])
    cpSync(join('node_modules', name), join(folder, 'node_modules', name), { recursive: true });
});
afterAll(() => {
  packages.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Compiles the consumer as an ES module, as CommonJS, and with the default file type. */
function compile(name: string, compiler: string, project: keyof typeof PROJECTS): string {
  const cwd = join(folder, `${name.replace('/', '-')}-${project}`);
  mkdirSync(cwd, { recursive: true });
  const text = readFileSync(CONSUMER, 'utf8')
    .replaceAll('../../src/index.ts', name)
    .replaceAll(/\.\.\/\.\.\/src\/(\w+)\.ts/g, `${name}/$1`);
  for (const extension of ['mts', 'cts', 'ts'])
    writeFileSync(join(cwd, `consumer.${extension}`), text);
  const compilerOptions = {
    ...PROJECTS[project],
    target: 'es2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedSideEffectImports: true,
    skipLibCheck: false,
    noEmit: true,
  };
  const config = { compilerOptions, files: ['consumer.mts', 'consumer.cts', 'consumer.ts'] };
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify(config));
  return spawnSync(process.execPath, [compiler, '-p', '.'], { cwd, encoding: 'utf8' }).stdout;
}

const cases = NAMES.flatMap((name) =>
  Object.entries(COMPILERS).flatMap(([version, compiler]) =>
    (Object.keys(PROJECTS) as (keyof typeof PROJECTS)[]).map(
      (project) => [name, version, project, compiler] as const,
    ),
  ),
);

it.each(cases)('the types of %s compile with %s and module %s', (name, _, project, compiler) => {
  expect(compile(name, compiler, project)).toBe('');
});

it('the consumer uses every export', () => {
  const consumer = readFileSync(CONSUMER, 'utf8');
  for (const [entry, minNames] of [
    ['index', 8],
    ['client', 8],
    ['opentelemetry', 6],
    ['esbuild', 4],
  ] as const) {
    const names = listExports(readDeclarations(`${entry}.d.ts`));
    expect(names.length).toBeGreaterThanOrEqual(minNames);
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(consumer))).toEqual([]);
  }
});

it.each([
  'index.d.ts',
  'register.d.ts',
  'opentelemetry.d.ts',
  'esbuild.d.ts',
  'client.d.ts',
  'client.d.mts',
])('%s imports no other package', (file) => {
  const declarations = readDeclarations(file);
  const imports = declarations.matchAll(
    /(?:^import|^(?:import|export)\b.*\bfrom|\bimport\(|\brequire\()\s*["']([^"']+)["']/gm,
  );
  const specifiers = [...imports].map(([, specifier]) => specifier);
  expect(specifiers).toEqual([]);
  expect(declarations).not.toMatch(/\/\/\/ <reference|\bNodeJS\.|\bBuffer\b/);
});

function readDeclarations(file: string): string {
  return readFileSync(join(folder, 'node_modules/@perfscope/agent', file), 'utf8');
}

function listExports(declarations: string): string[] {
  const declared = declarations.matchAll(
    /^export (?:declare )?(?:abstract )?(?:class|const|function|type|interface) (\w+)/gm,
  );
  const listed = declarations.matchAll(/^export (?:type )?\{([^}]*)\}/gm);
  const names = [...listed].flatMap(([, list]) => list!.split(','));
  return [
    ...[...declared].map(([, name]) => name!),
    ...names.map((name) => name.trim().replace(/^type |.* as /g, '')).filter(Boolean),
  ];
}
