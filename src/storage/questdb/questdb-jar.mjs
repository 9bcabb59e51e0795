/*
 * Finds Java and downloads QuestDB for the embedded database. `scripts/prepare.mjs` imports this
 * file before any package is installed, so it must be plain JavaScript that needs only Node 18.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { getPackageName, hashFile, JAR_SHA256, QUESTDB_VERSION } from './questdb-release.mjs';

const JAR = `questdb-${QUESTDB_VERSION}.jar`;
const MIN_JAVA_VERSION = 17;

/** Folders of Homebrew. It doesn't add its Java to `PATH`. */
const BREW_FOLDERS = ['/opt/homebrew', '/usr/local', '/home/linuxbrew/.linuxbrew'];

/**
 * Returns the first `java` command of version 17 or newer: from `JAVA_HOME`, then from `PATH`, then from Homebrew.
 *
 * @returns {{ command: string, version: number } | undefined} the command and its major version, or
 *   `undefined` if there is none
 */
export function findJava() {
  const { JAVA_HOME: home, HOMEBREW_PREFIX: brew } = process.env;
  const brewCommands = [...(brew ? [brew] : []), ...BREW_FOLDERS].map((folder) =>
    join(folder, 'opt', 'openjdk', 'bin', 'java'),
  );
  const commands = [...(home ? [join(home, 'bin', 'java')] : []), 'java', ...brewCommands];
  for (const command of commands) {
    const { stderr } = spawnSync(command, ['-version'], { encoding: 'utf8' });
    const version = Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0);
    if (version >= MIN_JAVA_VERSION) return { command, version };
  }
  return undefined;
}

/**
 * Returns this user's cache folder for downloads. All checkouts share it.
 *
 * @returns {string}
 */
export function getCacheFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'perfscope');
}

/**
 * Returns the path of the QuestDB jar. If the cache doesn't contain a jar with the expected
 * SHA-256, downloads the jar with Maven.
 *
 * @param {{ log: (line: string) => void }} options
 * @returns {Promise<string>} path of the jar
 * @throws {Error} if the download fails, with the last lines of Maven's output, or if the downloaded
 *   jar has another SHA-256
 */
export async function resolveJar({ log }) {
  const jar = getCachedJarPath();
  if (isJar(jar)) return jar;
  if (existsSync(jar)) log(`${jar} was changed: its SHA-256 is not ${JAR_SHA256}.`);
  log(`Downloading QuestDB ${QUESTDB_VERSION} with Maven (first start only) ...`);
  mkdirSync(join(jar, '..'), { recursive: true });
  // Several checkouts can download at once: each uses its own folder and renames the jar atomically.
  const folder = mkdtempSync(`${jar}.`);
  try {
    const artifact = `-Dartifact=org.questdb:questdb:${QUESTDB_VERSION}`;
    const goal = ['dependency:copy', artifact, `-DoutputDirectory=${folder}`];
    await promisify(execFile)('mvn', ['-q', '-B', ...goal]).catch(throwDownloadError);
    const downloaded = join(folder, JAR);
    if (!isJar(downloaded)) throw new Error(formatMismatch(downloaded));
    renameSync(downloaded, jar);
    return jar;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function throwDownloadError(error) {
  const output = String(error.stdout || error.message)
    .trim()
    .split('\n')
    .slice(-5)
    .join('\n');
  throw new Error(
    `QuestDB could not be downloaded. Check the network and Maven's settings, or set PERFORMANCE_QUESTDB_URL to use a running QuestDB. Maven output:\n${output}`,
  );
}

function formatMismatch(downloaded) {
  const found = hashFile(downloaded);
  return `Maven returned a QuestDB jar with the SHA-256 ${found} instead of ${JAR_SHA256}. Delete the folder org/questdb/questdb/${QUESTDB_VERSION} in Maven's local repository, check the mirrors in Maven's settings, and try again.`;
}

function getCachedJarPath() {
  return join(getCacheFolder(), JAR);
}

function isJar(file) {
  return existsSync(file) && hashFile(file) === JAR_SHA256;
}

/**
 * Returns whether the platform package is installed in the current folder, so neither Java nor Maven is necessary.
 * `questdb-package.ts` checks the package completely.
 *
 * @returns {boolean}
 */
export function hasQuestdbPackage() {
  const system = `${process.platform}-${process.arch}`;
  const folder = join('node_modules', ...getPackageName(system).split('/'));
  try {
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return version === QUESTDB_VERSION && existsSync(join(folder, 'questdb.jar'));
  } catch {
    return false;
  }
}

/**
 * Returns the tools that the embedded QuestDB needs and this machine lacks: Java, and Maven if the
 * jar isn't cached. If the platform package is installed, no tool is necessary.
 *
 * @returns {{ name: string, debianPackage: string }[]}
 */
export function findMissingQuestdbTools() {
  if (hasQuestdbPackage()) return [];
  const missing = [];
  if (!findJava()) {
    missing.push({
      name: `Java ${MIN_JAVA_VERSION}`,
      debianPackage: `openjdk-${MIN_JAVA_VERSION}-jre-headless`,
    });
  }
  const hasMaven = spawnSync('mvn', ['--version']).error === undefined;
  if (!isJar(getCachedJarPath()) && !hasMaven) {
    missing.push({ name: 'Maven', debianPackage: 'maven' });
  }
  return missing;
}

/**
 * Returns whether this machine installs packages with apt.
 *
 * @returns {boolean}
 */
export function isDebian() {
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/** Homebrew's names of Debian's packages. */
const BREW_PACKAGES = {
  'mariadb-server': 'mariadb',
  [`openjdk-${MIN_JAVA_VERSION}-jre-headless`]: 'openjdk',
  [`openjdk-${MIN_JAVA_VERSION}-jdk-headless`]: 'openjdk',
  'golang-go': 'go',
  'libpq-dev': 'libpq',
  'python3-pip': 'python',
  'redis-server': 'redis',
  git: 'git',
  maven: 'maven',
  openssl: 'openssl',
  postgresql: 'postgresql',
  prometheus: 'prometheus',
};

/**
 * Returns Homebrew's name of a package, or `undefined` if Homebrew doesn't have the package.
 *
 * @param {string} debianPackage
 * @returns {string | undefined}
 */
export function toBrewPackage(debianPackage) {
  return BREW_PACKAGES[debianPackage];
}

/**
 * Lists the missing tools and the command that installs them on this machine.
 *
 * @param {{ name: string, debianPackage: string }[]} missing
 * @returns {string}
 */
export function formatInstallHint(missing) {
  const names = missing.map(({ name }) => name).join(', ');
  const packages = missing.map(({ debianPackage }) => debianPackage).join(' ');
  const root = process.getuid?.() === 0 ? '' : 'sudo ';
  const command = isDebian()
    ? `${root}apt-get update && ${root}apt-get install -y ${packages}`
    : platform() === 'darwin'
      ? `brew install ${missing.map((tool) => toBrewPackage(tool.debianPackage) ?? tool.name).join(' ')}`
      : undefined;
  const install = command ? `Install with: ${command}` : 'Install with your package manager.';
  const lines = [`Missing: ${names}. ${install}`];
  if (/Java|Maven/.test(names)) {
    const image = `questdb/questdb:${QUESTDB_VERSION}`;
    lines.push(
      `Or use Docker: docker run -p 9000:9000 -p 8812:8812 ${image}`,
      'and set PERFORMANCE_QUESTDB_URL=http://127.0.0.1:9000',
    );
  }
  if (/PostgreSQL/.test(names))
    lines.push('Or use a running PostgreSQL: DATABASE_URL=postgresql://…');
  if (/Redis/.test(names)) lines.push('Or use a running Redis: REDIS_URL=redis://…');
  return lines.join('\n');
}
