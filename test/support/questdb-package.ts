import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { getPackageFile } from '../../src/storage/questdb/questdb-release.mjs';

const run = promisify(execFile);
const CACHE = resolve('node_modules', '.cache', 'perfscope');
/** Files that determine the content of the package. */
const INPUTS = [
  'scripts/release/pack-questdb.mjs',
  'scripts/release/java-runtime.mjs',
  'scripts/release/package-readme.mjs',
  'scripts/release/package-sboms.ts',
  'scripts/release/pack-folder.ts',
  'scripts/release/sbom.ts',
  'scripts/release/trim-jar.mjs',
  'scripts/release/questdb-third-party-licenses.txt',
  'src/storage/questdb/questdb-release.mjs',
  'LICENSE',
];

/**
 * Returns the path of the QuestDB package for this platform. Builds the package, which takes about
 * 10 s, only if the cache contains none for the same inputs and the same JDK.
 */
export async function buildQuestdbPackage(): Promise<string> {
  const folder = join(CACHE, `questdb-package-${await hashInputs()}`);
  const tarball = join(folder, getPackageFile(`${process.platform}-${process.arch}`));
  if (existsSync(tarball)) return tarball;
  mkdirSync(CACHE, { recursive: true });
  const temporary = mkdtempSync(join(CACHE, 'build-'));
  try {
    await run(process.execPath, ['scripts/release/pack-questdb.mjs', '--out', temporary]);
    renameSync(temporary, folder);
  } catch (error) {
    // Another test file can build the package at the same time. The first one to finish wins.
    if (!existsSync(tarball)) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return tarball;
}

async function hashInputs(): Promise<string> {
  const { JAVA_HOME } = process.env;
  const { stdout } = await run(JAVA_HOME ? join(JAVA_HOME, 'bin', 'jlink') : 'jlink', [
    '--version',
  ]);
  const hash = createHash('sha256').update(stdout);
  for (const file of INPUTS) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}
