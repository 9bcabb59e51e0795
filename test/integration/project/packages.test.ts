import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findTarballProblems } from '../../../scripts/release/check-tarballs.ts';
import { listTarball, readTarballManifest } from '../../../scripts/release/tarball.ts';
import {
  getPackageFile,
  getPackageName,
  QUESTDB_VERSION,
} from '../../../src/storage/questdb/questdb-release.mjs';
import { PackedPackages } from '../../support/packed-packages.ts';

const packages = new PackedPackages();
const folder = mkdtempSync(join(tmpdir(), 'perfscope-unpacked-'));
beforeAll(() => packages.unpack('perfscope', folder));
afterAll(() => {
  packages.remove();
  rmSync(folder, { recursive: true, force: true });
});

const NAMES = ['perfscope', '@perfscope/agent'];
const ENTRY_POINTS = [
  '.',
  './register',
  './client',
  './opentelemetry',
  './esbuild',
  './package.json',
];
/** Modules that are started by their path, so no other module imports them. */
const STARTED_MODULES = ['dist/bin.js', 'dist/demo/main.js', 'dist/demo/booking.js'];

function readTarball(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(packages.getTarball(name)));
}

it.each(NAMES)('publint finds no problem in %s', async (name) => {
  const { messages, pkg } = await publint({ pack: { tarball: readTarball(name).buffer } });
  expect(messages.map((message) => formatMessage(message, pkg ?? {}))).toEqual([]);
});

it.each(NAMES)('every entry point of %s has correct types', async (name) => {
  const analysis = await checkPackage(createPackageFromTarballData(readTarball(name)));
  if (analysis.types === false) throw new Error('The package has no types.');
  expect(Object.keys(analysis.entrypoints).toSorted()).toEqual(ENTRY_POINTS.toSorted());
  // The resolution of Node.js 10 ignores `exports`, and Perfscope needs Node.js 22.
  const problems = analysis.problems.filter(
    (problem) => !('resolutionKind' in problem && problem.resolutionKind === 'node10'),
  );
  expect(problems).toEqual([]);
  for (const { resolutions } of Object.values(analysis.entrypoints)) {
    for (const kind of ['node16-cjs', 'node16-esm', 'bundler'] as const)
      expect(resolutions[kind].resolution).toBeDefined();
  }
});

function checkRelease(...questdb: string[]): string[] {
  const { perfscope, agent } = packages;
  const { version } = readTarballManifest(perfscope);
  const registryDependencies = false;
  return findTarballProblems({ version, perfscope, agent, questdb, registryDependencies });
}

it('passes the checks of a release', () => {
  expect(checkRelease()).toEqual([]);
});

it('a release needs a QuestDB package with the expected jar, and with an SBOM', () => {
  const file = getPackageFile('linux-x64');
  mkdirSync(join(folder, 'package'));
  const manifest = { name: getPackageName('linux-x64'), version: '0.0.1' };
  writeFileSync(join(folder, 'package/package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'package/questdb.jar'), 'not a jar');
  execFileSync('tar', ['-czf', file, 'package'], { cwd: folder });
  expect(checkRelease(join(folder, file))).toEqual([
    `${file} contains ${manifest.name} 0.0.1 instead of ${manifest.name} ${QUESTDB_VERSION}.`,
    `${file} has no sbom.cdx.json.`,
    expect.stringMatching(
      / contains another questdb\.jar than expected\. Its SHA-256 is [\da-f]{64}/,
    ),
  ]);
});

it('perfscope contains only the files that users need', () => {
  const files = listTarball(packages.perfscope);
  const top = new Set(files.map((file) => file.split('/')[0]));
  expect([...top].toSorted()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'dist',
    'docs',
    'grafana',
    'package.json',
    'sbom.cdx.json',
  ]);
  const declarations = files.filter((file) => /\.d\.m?ts$/.test(file));
  expect(declarations.map((file) => dirname(file))).toEqual(
    declarations.map(() => 'dist/agent-package'),
  );
  const manifest = readTarballManifest(packages.perfscope);
  expect(Object.keys(manifest).toSorted()).toEqual([
    'bin',
    'dependencies',
    'description',
    'engines',
    'exports',
    'license',
    'main',
    'name',
    'type',
    'types',
    'version',
  ]);
});

it('perfscope contains the web UI, and the licenses of the packages in it', () => {
  const files = listTarball(packages.perfscope).filter((file) => file.startsWith('dist/web/'));
  const names = files.filter((file) => !file.startsWith('dist/web/assets/'));
  expect(names.toSorted()).toEqual([
    'dist/web/THIRD_PARTY_LICENSES.txt',
    'dist/web/icon.svg',
    'dist/web/index.html',
  ]);
  const page = readModule('dist/web/index.html');
  const licenses = readModule('dist/web/THIRD_PARTY_LICENSES.txt');
  const assets = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path]) => path);
  expect(assets.length).toBeGreaterThan(2);
  expect(assets.filter((path) => !files.includes(`dist/web/${path}`))).toEqual([]);
  for (const extension of ['js', 'css']) {
    const isMain = (file: string) => new RegExp(`/index-[^/]+\\.${extension}$`).test(file);
    const main = files.find(isMain);
    expect(files).toEqual(expect.arrayContaining([`${main}.br`, `${main}.gz`]));
  }
  const sbom = JSON.parse(readModule('sbom.cdx.json')) as { components: { name: string }[] };
  const listed = sbom.components.map(({ name }) => name);
  for (const name of ['preact', 'uplot', '@preact/signals', '@fontsource-variable/inter']) {
    expect(licenses).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'));
    expect(listed).toContain(name);
  }
  expect(licenses).toContain('SIL OPEN FONT LICENSE');
});

it('perfscope contains no module that is never loaded', () => {
  const modules = listTarball(packages.perfscope).filter(
    (file) => /\.m?js$/.test(file) && !/^dist\/(?:agent-package|web)\//.test(file),
  );
  const loaded = new Set<string>();
  const queue = [...STARTED_MODULES];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (loaded.has(file) || !modules.includes(file)) continue;
    loaded.add(file);
    queue.push(...listRelativePaths(file));
  }
  expect(loaded.size).toBeGreaterThan(200);
  expect(modules.filter((file) => !loaded.has(file) && hasCode(file))).toEqual([]);
});

/** Returns the modules that a module imports, or that it loads by a URL. */
function listRelativePaths(file: string): string[] {
  const specifiers = readModule(file).matchAll(
    /(?:\bfrom|\bimport|\bURL)\s*\(?\s*["'](\.[^"']+)["']/g,
  );
  return [...specifiers].map(([, specifier]) => normalize(join(dirname(file), specifier!)));
}

/** Returns whether a module contains more than types. */
function hasCode(file: string): boolean {
  return (
    readModule(file)
      .replaceAll(/\/\*.*?\*\//gs, '')
      .trim() !== 'export {};'
  );
}

function readModule(file: string): string {
  return readFileSync(join(folder, 'node_modules/perfscope', file), 'utf8');
}
