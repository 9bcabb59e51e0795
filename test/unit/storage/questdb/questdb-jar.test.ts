import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  findMissingQuestdbTools,
  resolveJar,
} from '../../../../src/storage/questdb/questdb-jar.mjs';
import {
  hashFile,
  JAR_SHA256,
  QUESTDB_VERSION,
} from '../../../../src/storage/questdb/questdb-release.mjs';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-jar-'));
const cached = join(folder, 'cache', 'perfscope', `questdb-${QUESTDB_VERSION}.jar`);
const lines: string[] = [];
const log = (line: string) => lines.push(line);
const realJar = await resolveJar({ log: () => {} });

beforeEach(() => {
  mkdirSync(join(cached, '..'), { recursive: true });
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(join(folder, 'cache'), { recursive: true, force: true });
  lines.length = 0;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Puts a `mvn` command first in the `PATH` that copies `file` to the output folder. */
function replaceMaven(file: string): void {
  const script = `#!/bin/sh
for arg; do case "$arg" in -DoutputDirectory=*) folder="\${arg#*=}";; esac; done
cp '${file}' "$folder/questdb-${QUESTDB_VERSION}.jar"
`;
  mkdirSync(join(folder, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'bin', 'mvn'), script, { mode: 0o755 });
  vi.stubEnv('PATH', `${join(folder, 'bin')}${delimiter}${process.env.PATH}`);
}

function createOtherJar(): string {
  const other = join(folder, 'other.jar');
  writeFileSync(other, 'PK other jar');
  return other;
}

it('uses a cached jar with the expected SHA-256', async () => {
  replaceMaven(createOtherJar());
  copyFileSync(realJar, cached);
  expect(await resolveJar({ log })).toBe(cached);
  expect(lines).toEqual([]);
});

it('replaces a cached jar that was changed, and logs the reason', async () => {
  replaceMaven(realJar);
  copyFileSync(createOtherJar(), cached);
  expect(await resolveJar({ log })).toBe(cached);
  expect(hashFile(cached)).toBe(JAR_SHA256);
  expect(lines).toEqual([
    `${cached} was changed: its SHA-256 is not ${JAR_SHA256}.`,
    expect.stringMatching(/^Downloading QuestDB/),
  ]);
});

it('rejects a downloaded jar with another SHA-256, and caches nothing', async () => {
  const other = createOtherJar();
  replaceMaven(other);
  await expect(resolveJar({ log })).rejects.toThrow(
    `Maven returned a QuestDB jar with the SHA-256 ${hashFile(other)} instead of ${JAR_SHA256}. Delete the folder org/questdb/questdb/${QUESTDB_VERSION} in Maven's local repository`,
  );
  expect(existsSync(cached)).toBe(false);
});

it('keeps rejecting a cached jar that was changed if Maven returns the same file', async () => {
  replaceMaven(createOtherJar());
  copyFileSync(createOtherJar(), cached);
  await expect(resolveJar({ log })).rejects.toThrow('Maven returned a QuestDB jar');
  await expect(resolveJar({ log })).rejects.toThrow('Maven returned a QuestDB jar');
});

it('requires Maven if the cached jar was changed', () => {
  copyFileSync(createOtherJar(), cached);
  vi.stubEnv('PATH', '');
  vi.stubEnv('JAVA_HOME', '');
  expect(findMissingQuestdbTools().map(({ name }) => name)).toEqual(['Java 17', 'Maven']);
  copyFileSync(realJar, cached);
  expect(findMissingQuestdbTools().map(({ name }) => name)).toEqual(['Java 17']);
});
