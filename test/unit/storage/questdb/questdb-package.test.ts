import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  findQuestdbPackage,
  getPackageLookup,
  getUsablePackageFile,
  type PackageLookup,
} from '../../../../src/storage/questdb/questdb-package.ts';
import {
  hashFile,
  PLATFORM_JAR_SHA256,
  QUESTDB_VERSION,
} from '../../../../src/storage/questdb/questdb-release.mjs';

/** Each test has its own folder, because Node.js caches the results of package lookups. */
let root = '';
const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perfscope-package-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
  vi.clearAllMocks();
});

/** Installs a platform package in a folder's `node_modules`, and returns the package's folder. */
function install(folder: string, version = QUESTDB_VERSION, platform = 'linux-x64'): string {
  const path = join(root, folder, 'node_modules', '@perfscope', `questdb-${platform}`);
  mkdirSync(join(path, 'runtime', 'bin'), { recursive: true });
  writeFileSync(join(path, 'package.json'), JSON.stringify({ version }));
  writeFileSync(join(path, 'questdb.jar'), 'jar');
  for (const name of ['java', 'java.exe']) {
    writeFileSync(join(path, 'runtime', 'bin', name), '', { mode: 0o755 });
  }
  return path;
}

const JAR_SHA256 = createHash('sha256').update('jar').digest('hex');

function lookup(changes: Partial<PackageLookup> = {}): PackageLookup {
  return {
    platform: 'linux-x64',
    hasGlibc: true,
    origins: [join(root, 'perfscope', 'dist', 'x.js'), join(root, 'project', 'package.json')],
    jarSha256: JAR_SHA256,
    ...changes,
  };
}

describe('findQuestdbPackage', () => {
  it('prefers the package next to Perfscope to the package in the current project', () => {
    const own = install('perfscope');
    install('project');
    expect(findQuestdbPackage(log, lookup())).toEqual({
      java: join(own, 'runtime', 'bin', 'java'),
      jar: join(own, 'questdb.jar'),
    });
    expect(log.warn).not.toHaveBeenCalled();
  });

  it('finds the package in the current project', () => {
    const path = install('project');
    expect(findQuestdbPackage(log, lookup())?.jar).toBe(join(path, 'questdb.jar'));
  });

  it('ignores packages for other platforms and in other folders', () => {
    install('project', QUESTDB_VERSION, 'linux-arm64');
    install('elsewhere');
    expect(findQuestdbPackage(log, lookup())).toBeUndefined();
    expect(log.warn).not.toHaveBeenCalled();
  });

  it('uses java.exe on Windows', () => {
    const path = install('project', QUESTDB_VERSION, 'win32-x64');
    const runtime = findQuestdbPackage(log, lookup({ platform: 'win32-x64' }));
    expect(runtime?.java).toBe(join(path, 'runtime', 'bin', 'java.exe'));
  });

  it('skips a package with another version of QuestDB, and logs one line', () => {
    const outdated = install('perfscope', '9.0.0');
    const current = install('project');
    expect(findQuestdbPackage(log, lookup())?.jar).toBe(join(current, 'questdb.jar'));
    expect(log.warn.mock.calls).toEqual([
      [
        `${outdated} can't be used: it contains QuestDB 9.0.0, but Perfscope needs ${QUESTDB_VERSION}.`,
      ],
    ]);
  });

  it('skips the package on a system with musl, and logs the reason', () => {
    install('project');
    expect(findQuestdbPackage(log, lookup({ hasGlibc: false }))).toBeUndefined();
    expect(log.warn).toHaveBeenCalledWith(expect.stringMatching(/needs glibc.*uses musl/));
  });

  it('skips a package whose Java is not executable', () => {
    const path = install('project');
    chmodSync(join(path, 'runtime', 'bin', 'java'), 0o644);
    expect(findQuestdbPackage(log, lookup())).toBeUndefined();
    expect(log.warn).toHaveBeenCalledWith(expect.stringMatching(/java is not executable/));
  });

  it('skips a package without a jar', () => {
    rmSync(join(install('project'), 'questdb.jar'));
    expect(findQuestdbPackage(log, lookup())).toBeUndefined();
    expect(log.warn).toHaveBeenCalledWith(expect.stringMatching(/questdb.jar is missing/));
  });

  it('rejects a changed jar', () => {
    const path = install('project');
    writeFileSync(join(path, 'questdb.jar'), 'JAR');
    expect(() => findQuestdbPackage(log, lookup())).toThrow(
      `${join(path, 'questdb.jar')} was changed: its SHA-256 is ${hashFile(join(path, 'questdb.jar'))} instead of ${JAR_SHA256}. Install perfscope-questdb-linux-x64-${QUESTDB_VERSION}.tgz again.`,
    );
  });

  it('finds nothing if there is no package for the platform', () => {
    install('project', QUESTDB_VERSION, 'freebsd-x64');
    const freebsd = lookup({ platform: 'freebsd-x64', jarSha256: undefined });
    expect(findQuestdbPackage(log, freebsd)).toBeUndefined();
    expect(getUsablePackageFile(freebsd)).toBeUndefined();
  });
});

it('looks next to Perfscope and in the current folder, with the expected hash of this platform', () => {
  const { platform, origins, jarSha256, hasGlibc } = getPackageLookup();
  expect(platform).toBe(`${process.platform}-${process.arch}`);
  expect(origins[0]).toMatch(/questdb-package\.ts$/);
  expect(origins[1]).toBe(join(process.cwd(), 'package.json'));
  expect(jarSha256).toBe(PLATFORM_JAR_SHA256[platform]);
  expect(hasGlibc).toBe(true);
});

describe('getPackageLookup on Linux', () => {
  it.each([
    ['2.36', true],
    [undefined, false],
  ])('with glibc version %s returns hasGlibc %s', (glibcVersionRuntime, hasGlibc) => {
    const report = vi
      .spyOn(process.report, 'getReport')
      .mockReturnValue({ header: { glibcVersionRuntime } });
    vi.spyOn(process, 'platform', 'get').mockReturnValue('linux');
    expect(getPackageLookup().hasGlibc).toBe(hasGlibc);
    report.mockRestore();
    vi.restoreAllMocks();
  });
});
