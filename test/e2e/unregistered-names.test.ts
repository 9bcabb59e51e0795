import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeBinary, npmScript } from '../../scripts/node-versions.mjs';
import { listOwnReferences } from '../../scripts/release/check-tarballs.ts';
import { listTarball, type Manifest, readTarballFile } from '../../scripts/release/tarball.ts';
import { getPackageName } from '../../src/storage/questdb/questdb-release.mjs';
import { PackedPackages } from '../support/packed-packages.ts';
import { buildQuestdbPackage } from '../support/questdb-package.ts';
import { RegistryStub } from '../support/registry-stub.ts';

const run = promisify(execFile);
const OWN_NAMES = [
  'perfscope',
  '@perfscope/agent',
  getPackageName(`${process.platform}-${process.arch}`),
];
const folder = mkdtempSync(join(tmpdir(), 'perfscope-names-'));
const packages = new PackedPackages();
const registry = new RegistryStub();
let questdb: string;
beforeAll(async () => {
  [questdb] = await Promise.all([buildQuestdbPackage(), registry.start()]);
});
afterAll(() => {
  registry.remove();
  packages.remove();
  rmSync(folder, { recursive: true, force: true });
});

type Tool = 'npm' | 'npx';

/** Older npm versions run on the Node version that contained them. */
const NPM_VERSIONS = [
  { npm: 'npm in the PATH', node: () => process.execPath, getScript: () => undefined },
  {
    npm: 'npm 10',
    node: () => nodeBinary(22),
    getScript: (tool: Tool) => join(dirname(npmScript(10)), `${tool}-cli.js`),
  },
];
const [CURRENT_NPM] = NPM_VERSIONS;
const COMMANDS = [
  ['ci'],
  ['install'],
  ['install', 'express@5'],
  ['update'],
  ['outdated', '--all'],
  ['ls', '--all'],
  ['dedupe'],
  ['audit'],
  ['prune', '--omit=dev'],
];

/** Runs npm or npx with the default settings. */
function runTool(npm: (typeof NPM_VERSIONS)[number], cwd: string, tool: Tool, args: string[]) {
  const node = npm.node();
  const script = npm.getScript(tool);
  const env = registry.env(npm.npm);
  env.PATH = [dirname(node), env.PATH].join(delimiter);
  const [command, first] = script === undefined ? [tool, []] : [node, [script]];
  return run(command, [...first, ...args], { cwd, env });
}

describe.each(NPM_VERSIONS.slice(0, 1))('with $npm', checkLookups);
// Long: the npm in the PATH covers npm 10 in CI.
describe.each(NPM_VERSIONS.slice(1))('with $npm', { tags: 'long' }, checkLookups);

function checkLookups(npm: (typeof NPM_VERSIONS)[number]): void {
  const getProject = (name: string) => join(folder, npm.npm, name);

  function createProject(name: string): string {
    mkdirSync(getProject(name), { recursive: true });
    const manifest = join(getProject(name), 'package.json');
    writeFileSync(manifest, JSON.stringify(registry.projectManifest));
    return getProject(name);
  }

  it('the agent adds at most 5 packages and 3.5 MB to a service', async () => {
    const cwd = createProject('service');
    const { stdout } = await runTool(npm, cwd, 'npm', ['install', packages.agent]);
    expect(stdout).toMatch(/^added [1-5] packages/m);
    expect(measureFolder(join(cwd, 'node_modules'))).toBeLessThan(3_500_000);
    expect(registry.ownLookups).toEqual([]);
  });

  it('the server is installed without a lookup', async () => {
    const tarballs = [packages.perfscope, packages.agent, questdb];
    await runTool(npm, createProject('server'), 'npm', ['install', ...tarballs]);
    expect(registry.ownLookups).toEqual([]);
    expect(registry.requests.length).toBeGreaterThan(100);
  });

  it.each(['service', 'server'])('no command looks up a name in the %s', async (name) => {
    for (const command of COMMANDS) {
      await runTool(npm, getProject(name), 'npm', command).catch(ignoreExitCode1);
      expect([command, registry.ownLookups]).toEqual([command, []]);
    }
    // The audit runs by default, and sends the names of all installed packages.
    expect(registry.audits.at(-1)).toHaveProperty('@perfscope/agent');
  });

  it('npx runs the installed commands without a lookup', async () => {
    const service = getProject('service');
    writeFileSync(join(service, 'app.js'), "require('express')");
    // No server is running, so the exit code is 1.
    const doctor = runTool(npm, service, 'npx', ['@perfscope/agent', 'doctor', 'app.js']);
    await expect(doctor).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/✓ express 5/),
    });
    const help = await runTool(npm, getProject('server'), 'npx', ['perfscope', '--help']);
    expect(help.stdout).toMatch(/serve/);
    expect(registry.ownLookups).toEqual([]);
  });
}

/**
 * If a package that Perfscope needs has a security advisory, npm reads the versions of Perfscope in the registry. This
 * can't be prevented, but npm must not install what it finds.
 */
describe('an audit that finds advisories', () => {
  const cwd = join(folder, CURRENT_NPM!.npm, 'server');
  const advisory = {
    id: 1,
    severity: 'high',
    title: 'Test',
    url: 'http://127.0.0.1/',
    vulnerable_versions: '<99',
    cwe: [],
  };

  beforeAll(() => {
    for (const name of OWN_NAMES) {
      const squatted = join(folder, 'squatted', name);
      mkdirSync(squatted, { recursive: true });
      const manifest = { name, version: '99.0.0' };
      writeFileSync(join(squatted, 'package.json'), JSON.stringify(manifest));
      registry.addVersion(manifest, squatted);
    }
  });

  it.each([
    { kind: 'dependencies', names: ['express', '@opentelemetry/api'] },
    { kind: 'the packages', names: ['perfscope', '@perfscope/agent'] },
  ])('in $kind installs nothing with a name of this project', async ({ names }) => {
    registry.advisories = Object.fromEntries(names.map((name) => [name, [advisory]]));
    registry.requests.length = 0;
    const runNpm = (command: string) => runTool(CURRENT_NPM!, cwd, 'npm', command.split(' '));
    await expect(runNpm('audit')).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/\d high severity/),
    });
    const before = OWN_NAMES.map((name) => readInstalled(cwd, name));
    for (const command of ['install', 'update', 'audit fix', 'audit fix --force'])
      await runNpm(command).catch(ignoreExitCode1);
    expect(registry.audits.length).toBeGreaterThanOrEqual(5);
    expect(registry.ownLookups.filter(({ path }) => path.endsWith('.tgz'))).toEqual([]);
    expect(OWN_NAMES.map((name) => readInstalled(cwd, name))).toEqual(before);
    expect(readFileSync(join(cwd, 'package.json'), 'utf8')).not.toContain('99.0.0');
  });
});

it('no manifest in a package refers to a package of this project', () => {
  const tarballs = [packages.perfscope, packages.agent, questdb];
  const nested = join(folder, 'nested.tgz');
  const agentPath = listTarball(packages.perfscope).find((path) => path.endsWith('.tgz'))!;
  writeFileSync(nested, readTarballFile(packages.perfscope, agentPath));
  const manifests = [...tarballs, nested].flatMap((tarball) =>
    listTarball(tarball)
      .filter((path) => basename(path) === 'package.json')
      .map((path) => JSON.parse(readTarballFile(tarball, path).toString()) as Manifest),
  );
  expect(manifests.map(({ name }) => name)).toEqual(expect.arrayContaining(OWN_NAMES));
  expect(manifests.flatMap((manifest) => listOwnReferences(manifest, false))).toEqual([]);
});

/** Returns the total size of all files in a folder, in bytes. */
function measureFolder(path: string): number {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = files.map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

function readInstalled(project: string, name: string): string {
  return readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8');
}

/** Ignores the exit code of `npm outdated` and `npm audit` for packages that are outdated or have advisories. */
function ignoreExitCode1({ code }: { code: number }): void {
  expect(code).toBe(1);
}
