import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { PackageLookup } from '../../../../src/storage/questdb/questdb-package.ts';
import { hashFile, QUESTDB_VERSION } from '../../../../src/storage/questdb/questdb-release.mjs';
import { resolveQuestdbRuntime } from '../../../../src/storage/questdb/questdb-runtime.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-runtime-'));
const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
const LOOKUP: PackageLookup = {
  platform: 'linux-x64',
  hasGlibc: true,
  origins: [],
  jarSha256: 'unused',
};
const PACKAGE = `perfscope-questdb-linux-x64-${QUESTDB_VERSION}.tgz`;
afterEach(() => {
  vi.unstubAllEnvs();
  vi.clearAllMocks();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Creates a Java home whose `java` prints this version, as `java -version` does. */
function createJavaHome(version: string): string {
  const home = join(folder, version);
  mkdirSync(join(home, 'bin'), { recursive: true });
  const script = `#!/bin/sh\necho 'openjdk version "${version}" 2025-04-15' >&2\n`;
  writeFileSync(join(home, 'bin', 'java'), script);
  chmodSync(join(home, 'bin', 'java'), 0o755);
  return home;
}

it('prefers the installed package to the Java in JAVA_HOME, and logs nothing', async () => {
  const installed = join(folder, 'node_modules', '@perfscope', 'questdb-linux-x64');
  mkdirSync(join(installed, 'runtime', 'bin'), { recursive: true });
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ version: QUESTDB_VERSION }));
  writeFileSync(join(installed, 'questdb.jar'), 'jar');
  writeFileSync(join(installed, 'runtime', 'bin', 'java'), '', { mode: 0o755 });
  vi.stubEnv('JAVA_HOME', createJavaHome('21.0.7'));
  const origins = [join(folder, 'package.json')];
  const jarSha256 = hashFile(join(installed, 'questdb.jar'));
  expect(await resolveQuestdbRuntime(log, { ...LOOKUP, origins, jarSha256 })).toEqual({
    java: join(installed, 'runtime', 'bin', 'java'),
    jar: join(installed, 'questdb.jar'),
  });
  expect([log.info.mock.calls, log.warn.mock.calls]).toEqual([[], []]);
});

describe('without an installed package', () => {
  it('uses the Java in JAVA_HOME, and logs one line with the reason', async () => {
    const home = createJavaHome('21.0.7');
    vi.stubEnv('JAVA_HOME', home);
    const { java, jar } = await resolveQuestdbRuntime(log, LOOKUP);
    expect(java).toBe(join(home, 'bin', 'java'));
    expect(jar).toMatch(`questdb-${QUESTDB_VERSION}.jar`);
    expect(log.info.mock.calls).toEqual([
      [`QuestDB runs on the system's Java 21 (${java}): ${PACKAGE} is not installed.`],
    ]);
    expect(log.warn).not.toHaveBeenCalled();
  });

  it.each([
    [{ hasGlibc: false }, 'there is no QuestDB package for linux-x64 with musl'],
    [{ jarSha256: undefined, platform: 'sunos-x64' }, 'there is no QuestDB package for sunos-x64'],
  ])('logs that no package is available: %o', async (changes, reason) => {
    vi.stubEnv('JAVA_HOME', createJavaHome('17.0.1'));
    await resolveQuestdbRuntime(log, { ...LOOKUP, ...changes });
    expect(log.info).toHaveBeenCalledWith(expect.stringMatching(`: ${reason}\\.$`));
  });

  it('ignores a Java that is too old', async () => {
    vi.stubEnv('JAVA_HOME', createJavaHome('11.0.2'));
    vi.stubEnv('PATH', join(createJavaHome('25.0.3'), 'bin'));
    const { java } = await resolveQuestdbRuntime(log, LOOKUP);
    expect(java).toBe('java');
    expect(log.info).toHaveBeenCalledWith(expect.stringContaining('Java 25 (java)'));
  });
});

describe('without a package and without Java', () => {
  async function resolveWithoutJava(lookup: PackageLookup): Promise<string> {
    vi.stubEnv('JAVA_HOME', createJavaHome('16.0.2'));
    vi.stubEnv('PATH', folder);
    return resolveQuestdbRuntime(log, lookup).then(
      () => 'resolved',
      (error) => `${error.code} ${error.message}`,
    );
  }

  it('first recommends to install the package from a file, then Java', async () => {
    const message = await resolveWithoutJava(LOOKUP);
    expect(message).toMatch(
      /PS_JAVA_MISSING .*QuestDB needs a Java runtime, but none was found\. /,
    );
    const [packageHint, javaHint] = [
      message.indexOf(`npm install ./${PACKAGE}\n`),
      message.indexOf('Missing: Java 17'),
    ];
    expect(packageHint).toBeGreaterThan(0);
    expect(javaHint).toBeGreaterThan(packageHint);
    // The packages aren't published, so their names must not be installed from a registry.
    expect(message).not.toMatch(/npm install @?perfscope/);
  });

  it('recommends only Java if no package runs on this system', async () => {
    const message = await resolveWithoutJava({ ...LOOKUP, hasGlibc: false });
    expect(message).toMatch(/PS_JAVA_MISSING .*Missing: Java 17/);
    expect(message).not.toMatch(/\.tgz/);
  });
});
