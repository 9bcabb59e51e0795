// Installs packages with their own lock files. `test/libraries` has the versions of libraries that the tests instrument.
// `scripts/api-docs` has the packages that generate the API reference. Uses only Node's built-in modules, because `prepare.mjs`
// imports it before any package is installed.
// Usage: node scripts/test-libraries.mjs
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder with the packages that generate docs/api. */
export const API_DOCS_PACKAGES = join('scripts', 'api-docs');
const ROOTS = [join('test', 'libraries'), API_DOCS_PACKAGES];
/** Folders that only long tests need. These tests install them. */
const ON_DEMAND = ['nuxt-3', 'nuxt-4'];
const STAMP = join('node_modules', '.perfscope-lock');
/** A download can hang. The second attempt finds most packages in npm's cache. */
const ATTEMPT_LIMITS_MS = [5 * 60_000, 10 * 60_000];
/** The first attempt fails if npm's cached list of versions is older than the lock file. */
const CACHE_ARGS = [['--prefer-offline'], ['--no-prefer-offline', '--prefer-online']];
/** Most of the time, npm waits for the network. */
const PARALLEL_INSTALLATIONS = 2;
const NPM_ARGS = [
  ...['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
  ...['--loglevel=error', '--fetch-timeout=60000'],
];

/**
 * Installs the packages of each root, and of each folder in it that has its own lock file, except folders that only long
 * tests need. Skips a folder if its lock file hasn't changed since the last installation.
 *
 * @param {(line: string) => void} log reports that an installation starts
 * @param {{ roots?: readonly string[], limitsMs?: readonly number[] }} [options] the folders, and the time limit of each
 * attempt. Default: `test/libraries` and `scripts/api-docs`.
 * @returns {Promise<void>}
 * @throws Error if npm fails, or exceeds the time limit of each attempt
 */
export async function installTestLibraries(
  log = () => {},
  { roots = ROOTS, limitsMs = ATTEMPT_LIMITS_MS } = {},
) {
  const folders = roots.flatMap(listFolders).filter((folder) => !isInstalled(folder));
  if (folders.length > 0) log(`installing packages in ${folders.join(', ')} …`);
  const work = async () => {
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
      await install(folder, limitsMs, log);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_INSTALLATIONS }, () => work()));
}

/** Returns the folders with a lock file that aren't in `ON_DEMAND`. The root is first, because it takes longest. */
function listFolders(root) {
  const names = existsSync(root) ? readdirSync(root) : [];
  const inner = names.filter((name) => !ON_DEMAND.includes(name)).map((name) => join(root, name));
  return [root, ...inner].filter((folder) => existsSync(join(folder, 'package-lock.json')));
}

function isInstalled(folder) {
  const stamp = join(folder, STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === hashLock(folder);
}

function hashLock(folder) {
  return createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
}

async function install(folder, limitsMs, log) {
  rmSync(join(folder, STAMP), { force: true });
  for (const [i, limitMs] of limitsMs.entries()) {
    const failure = await runNpm(folder, CACHE_ARGS[Math.min(i, 1)], limitMs);
    if (failure === undefined) {
      writeFileSync(join(folder, STAMP), hashLock(folder));
      return;
    }
    if (i === limitsMs.length - 1) throw new Error(`npm ci failed in ${folder}: ${failure}`);
    log(`npm ci failed in ${folder}: ${failure}. Trying again …`);
  }
}

/** Runs `npm ci`. Returns undefined on success, or the reason why it failed. */
async function runNpm(folder, cacheArgs, limitMs) {
  // In its own process group, so that the processes that npm starts are killed too.
  const child = spawn('npm', [...NPM_ARGS, ...cacheArgs], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: process.platform !== 'win32',
  });
  const stop = () => kill(child);
  process.once('exit', stop);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, limitMs);
  const failure = await new Promise((done) => {
    child.once('error', (error) => done(error.message));
    child.once('close', (code, signal) => {
      if (code === 0) done(undefined);
      else done(isLate ? `no result after ${limitMs / 1000} s` : `exit code ${code ?? signal}`);
    });
  });
  clearTimeout(timer);
  process.removeListener('exit', stop);
  return failure;
}

function kill(child) {
  try {
    if (process.platform === 'win32') child.kill();
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // npm has already exited, or was never started.
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await installTestLibraries(console.error);
}
