import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hashFileContent, readTarballFile } from '../../../scripts/release/tarball.ts';

/** A clone of this checkout, with uncommitted changes, in which a release can replace `dist`. */
const folder = mkdtempSync(join(tmpdir(), 'perfscope-release-test-'));
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const AGENT = `perfscope-agent-${version}`;
const PERFSCOPE = `perfscope-${version}`;

/** The environment outside of GitHub's workflows, because their variables change the provenance. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([key]) => !/^GITHUB_|^SOURCE_DATE_EPOCH$/.test(key)),
);

function git(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@hotel.example'];
  return execFileSync('git', [...identity, ...args], { cwd, encoding: 'utf8' });
}

function runRelease(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['scripts/release/release.mjs', '--no-questdb', ...args],
    { cwd: folder, env, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

function commitRelease(): void {
  const changelog = join(folder, 'CHANGELOG.md');
  const text = readFileSync(changelog, 'utf8');
  writeFileSync(
    changelog,
    text.replace(`## ${version} (unreleased)`, `## ${version} (2026-12-01)`),
  );
  git(folder, 'add', '--all');
  git(folder, 'commit', '--quiet', '--message', 'Release');
}

const release = (name: string) => join(folder, 'release', name);
const readRelease = (name: string) => readFileSync(release(name), 'utf8');

beforeAll(() => {
  const files = git('.', 'ls-files', '--cached', '--others', '--exclude-standard').trim();
  for (const file of files.split('\n').filter((name) => existsSync(name)))
    cpSync(file, join(folder, file));
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  git(folder, 'init', '--quiet');
  writeFileSync(join(folder, '.git/info/exclude'), 'node_modules\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('rejects uncommitted changes, and writes nothing', () => {
  const { status, stderr } = runRelease();
  expect(status).toBe(1);
  expect(stderr).toMatch(/^release: There are uncommitted changes\. Commit them/m);
  expect(existsSync(join(folder, 'release'))).toBe(false);
});

it('shows its options, and rejects unknown options', () => {
  expect(runRelease('--help').stdout).toMatch(/--questdb PLATFORM.*--registry-dependencies/s);
  expect(runRelease('--publish').stderr).toMatch(/^release: Unknown option '--publish'/);
});

it('writes the tarballs with hashes, SBOMs, and provenance', () => {
  commitRelease();
  const { status, stdout, stderr } = runRelease();
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(`wrote ${join('release', `${PERFSCOPE}.tgz`)}`);
  expect(readdirSync(join(folder, 'release')).toSorted()).toEqual([
    'SHA512SUMS',
    'integrity.json',
    `${PERFSCOPE}.cdx.json`,
    `${PERFSCOPE}.tgz`,
    `${AGENT}.cdx.json`,
    `${AGENT}.tgz`,
    'provenance.intoto.json',
  ]);
  const agent = readFileSync(release(`${AGENT}.tgz`));
  expect(readTarballFile(release(`${PERFSCOPE}.tgz`), `dist/${AGENT}.tgz`).equals(agent)).toBe(
    true,
  );
  for (const name of [PERFSCOPE, AGENT]) {
    const sbom = readTarballFile(release(`${name}.tgz`), 'sbom.cdx.json');
    expect(sbom.equals(readFileSync(release(`${name}.cdx.json`)))).toBe(true);
    expect(JSON.parse(sbom.toString()).metadata.timestamp).toMatch(/^\d{4}-.*Z$/);
  }
});

it('writes the hashes in the formats of sha512sum and of npm', () => {
  const integrity = JSON.parse(readRelease('integrity.json')) as Record<string, string>;
  const { subject, predicate } = JSON.parse(readRelease('provenance.intoto.json')) as {
    subject: { name: string; digest: Record<string, string> }[];
    predicate: { buildDefinition: { resolvedDependencies: unknown[] } };
  };
  for (const name of [`${PERFSCOPE}.tgz`, `${AGENT}.tgz`]) {
    const sha512 = hashFileContent(release(name), 'sha512');
    expect(readRelease('SHA512SUMS')).toContain(`${sha512}  ${name}\n`);
    const base64 = hashFileContent(release(name), 'sha512', 'base64');
    expect(integrity[name]).toBe(`sha512-${base64}`);
    const sha256 = hashFileContent(release(name), 'sha256');
    expect(subject).toContainEqual({ name, digest: { sha256, sha512 } });
  }
  expect(predicate.buildDefinition.resolvedDependencies).toContainEqual({
    name: 'source',
    digest: { gitCommit: git(folder, 'rev-parse', 'HEAD').trim() },
  });
});

// Long: the first build in CI covers everything except that builds are reproducible.
it('writes the same files if the same commit is built again', { tags: 'long' }, () => {
  const before = readRelease('SHA512SUMS') + readRelease('provenance.intoto.json');
  expect(runRelease().status).toBe(0);
  expect(readRelease('SHA512SUMS') + readRelease('provenance.intoto.json')).toBe(before);
});

it('npm pack compiles a fresh clone, and prints only JSON', () => {
  // Otherwise, `npm ci` would delete the packages that this test uses.
  const lockHash = hashFileContent('package-lock.json', 'sha256');
  expect(readFileSync('node_modules/.perfscope-lock', 'utf8')).toBe(lockHash);
  rmSync(join(folder, 'dist'), { recursive: true });
  const { stdout, stderr } = spawnSync('npm', ['pack', '--json', '--dry-run'], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  expect(stderr).toContain('perfscope: compiling');
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['dist/bin.js', `dist/${AGENT}.tgz`]));
});
