import { execFile, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const QUESTDB_VERSION = '9.3.4';
const JAR = `questdb-${QUESTDB_VERSION}.jar`;
const OLDEST_JAVA = 17;

/** @returns {string | undefined} a `java` that is new enough: JAVA_HOME's first, then PATH's */
export function findJava() {
  const home = process.env.JAVA_HOME;
  const candidates = [...(home ? [join(home, 'bin', 'java')] : []), 'java'];
  return candidates.find((java) => {
    const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' });
    return Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0) >= OLDEST_JAVA;
  });
}

/** @returns {string} where things are kept for all checkouts of this user */
export function cacheFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'perfscope');
}

/** @returns {string} where the jar is kept */
export function cachedJarPath() {
  return join(cacheFolder(), JAR);
}

/**
 * @param {{ log: (line: string) => void }} options
 * @returns {Promise<string>} path of the jar, resolved through Maven when it is not there yet
 */
export async function resolveJar({ log }) {
  const jar = cachedJarPath();
  if (isJar(jar)) return jar;
  log(`fetching QuestDB ${QUESTDB_VERSION} through Maven (once) …`);
  mkdirSync(join(jar, '..'), { recursive: true });
  // A folder of its own: several checkouts may do this at once, and the rename is atomic.
  const folder = mkdtempSync(`${jar}.`);
  try {
    const artifact = `-Dartifact=org.questdb:questdb:${QUESTDB_VERSION}`;
    const goal = ['dependency:copy', artifact, `-DoutputDirectory=${folder}`];
    await promisify(execFile)('mvn', ['-q', '-B', ...goal]);
    if (!isJar(join(folder, JAR))) throw new Error('what arrived is not a jar');
    renameSync(join(folder, JAR), jar);
    return jar;
  } catch (error) {
    const said = String(error.stdout || error.message)
      .trim()
      .split('\n')
      .slice(-5)
      .join('\n');
    throw new Error(
      `QuestDB could not be fetched. Check the network and Maven's settings, or use a running QuestDB with PERFORMANCE_QUESTDB_URL. Maven said:\n${said}`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isJar(file) {
  if (!existsSync(file) || statSync(file).size < 10_000_000) return false;
  const head = Buffer.alloc(2);
  const fd = openSync(file, 'r');
  readSync(fd, head);
  closeSync(fd);
  return head.toString() === 'PK';
}

/**
 * @param {'start' | 'demo' | 'test'} purpose
 * @returns {{ name: string, debianPackage: string }[]} what is not on this machine
 */
export function missingTools(purpose) {
  const missing = [];
  const need = (name, debianPackage, ...commands) => {
    const found = commands.some((c) => spawnSync(c, ['--version']).error === undefined);
    if (!found) missing.push({ name, debianPackage });
  };
  if (!findJava())
    missing.push({ name: `Java ${OLDEST_JAVA}`, debianPackage: 'openjdk-17-jre-headless' });
  if (!isJar(cachedJarPath())) need('Maven', 'maven', 'mvn');
  if (purpose === 'test' || (purpose === 'demo' && !process.env.DATABASE_URL)) {
    need('PostgreSQL', 'postgresql', 'initdb', ...debianPostgres());
  }
  if (purpose === 'test' || (purpose === 'demo' && !process.env.REDIS_URL)) {
    need('Redis', 'redis-server', 'redis-server');
  }
  if (purpose === 'test') {
    need('Prometheus', 'prometheus', 'promtool');
    need('Alertmanager', 'prometheus-alertmanager', 'amtool');
    need('OpenSSL', 'openssl', 'openssl');
    need('Go', 'golang-go', 'go', '/usr/local/go/bin/go');
    if (spawnSync('python3', ['-m', 'pip', '--version']).status !== 0) {
      missing.push({ name: 'pip', debianPackage: 'python3-pip' });
    }
    need('Chromium', 'chromium', 'chromium', 'chromium-browser', 'google-chrome');
  }
  return missing;
}

/** @returns {string[]} where Debian keeps the programs of PostgreSQL, which are not on the path */
function debianPostgres() {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  return readdirSync(root).map((version) => join(root, version, 'bin', 'initdb'));
}

/** @returns {boolean} whether packages come from apt */
export function isDebian() {
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/**
 * @param {{ name: string, debianPackage: string }[]} missing
 * @returns {string} what is missing and the one command that installs it here
 */
export function installHint(missing) {
  const names = missing.map(({ name }) => name).join(', ');
  const packages = missing.map(({ debianPackage }) => debianPackage).join(' ');
  const root = process.getuid?.() === 0 ? '' : 'sudo ';
  const command = isDebian()
    ? `${root}apt-get install -y ${packages}`
    : platform() === 'darwin'
      ? `brew install ${packages.replace('openjdk-17-jre-headless', 'openjdk@17')}`
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
