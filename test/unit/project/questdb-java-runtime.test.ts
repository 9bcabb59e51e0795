import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createJavaRuntime } from '../../../scripts/release/java-runtime.mjs';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-jdk-'));
const output = join(folder, 'runtime');
const isArm = process.arch === 'arm64';
/** A Linux platform other than the current one. */
const OTHER = isArm ? 'linux-x64' : 'linux-arm64';
const OTHER_ARCH = isArm ? 'x86_64' : 'aarch64';

beforeEach(() => vi.stubEnv('JAVA_HOME', createJdk('local', '17.0.15')));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true }));

/** Creates a JDK whose `jlink` prints its version, and writes its arguments to `jlink-args`. */
function createJdk(name: string, version: string, properties: Record<string, string> = {}): string {
  const home = join(folder, name);
  mkdirSync(join(home, 'bin'), { recursive: true });
  const script = `#!/bin/sh
if [ "$1" = --version ]; then echo ${version}; else echo "$@" > '${join(folder, 'jlink-args')}'; fi
`;
  writeFileSync(join(home, 'bin', 'jlink'), script, { mode: 0o755 });
  const release = { JAVA_VERSION: version, OS_NAME: 'Linux', LIBC: 'gnu', ...properties };
  const lines = Object.entries(release).map(([key, value]) => `${key}="${value}"\n`);
  writeFileSync(join(home, 'release'), lines.join(''));
  return home;
}

function createOtherJdk(version: string, properties: Record<string, string> = {}): string {
  return createJdk(`other-${version}`, version, { OS_ARCH: OTHER_ARCH, ...properties });
}

function readArguments(): string {
  return readFileSync(join(folder, 'jlink-args'), 'utf8');
}

it('links the modules of another platform with the local jlink', () => {
  const jdk = createOtherJdk('17.0.21');
  mkdirSync(join(jdk, 'jmods'));
  expect(createJavaRuntime({ platform: OTHER, jdk, output })).toBe('17.0.21');
  expect(readArguments()).toContain(`--module-path ${join(jdk, 'jmods')} --add-modules java.base,`);
  expect(readArguments()).toContain('--compress=2 ');
});

it('uses the jlink of the specified JDK for this platform', () => {
  const arch = isArm ? 'aarch64' : 'x86_64';
  const jdk = createJdk('newer', '25.0.3', { OS_ARCH: arch });
  expect(createJavaRuntime({ platform: `linux-${process.arch}`, jdk, output })).toBe('25.0.3');
  expect(readArguments()).toContain('--compress=zip-6 ');
  expect(readArguments()).not.toContain('--module-path');
});

it.each([
  ['21.0.7', {}, /has version 21\.0\.7, but .*jlink has version 17\.0\.15\. .* Use a JDK 17 for/],
  ['17.0.1', { OS_ARCH: 'ppc64' }, `is for Linux ppc64 gnu, not for ${OTHER} with glibc`],
  ['17.0.2', { LIBC: 'musl' }, `musl, not for ${OTHER} with glibc`],
  ['17.0.3', {}, /contains no jmods folder/],
])('rejects JDK %s with %o', (version, properties, message) => {
  const jdk = createOtherJdk(version, properties);
  expect(() => createJavaRuntime({ platform: OTHER, jdk, output })).toThrow(message);
});

it('needs a JDK for another platform', () => {
  const create = () => createJavaRuntime({ platform: OTHER, jdk: undefined, output });
  expect(create).toThrow(`Set --jdk to the folder of an unpacked JDK for ${OTHER}.`);
});

it.each([
  ['16.0.2', 'QuestDB needs Java 17 or newer, but'],
  [
    undefined,
    /jlink was not found\. Install a JDK 17 or newer \(Debian: openjdk-17-jdk-headless\)/,
  ],
])('rejects a local JDK of version %s', (version, message) => {
  vi.stubEnv('JAVA_HOME', version ? createJdk('old', version) : join(folder, 'missing'));
  const platform = `${process.platform}-${process.arch}`;
  expect(() => createJavaRuntime({ platform, jdk: undefined, output })).toThrow(message);
});
