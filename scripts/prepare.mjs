// Runs before `npm start` and `npm test`, on whatever Node the machine has, before any package is
// there: it may use nothing but Node itself.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatInstallHint, isDebian, resolveJar } from '../src/storage/questdb/questdb-jar.mjs';
import { isStale } from './build.mjs';
import { findMissingTools } from './missing-tools.mjs';
import { TOOL_NAMES, toolPath } from './tools.mjs';

const STAMP = 'node_modules/.perfscope-lock';
/** What follows: start, demo or test. */
const purpose = process.argv[2];
const embedded = purpose === 'test' || !process.env.PERFORMANCE_QUESTDB_URL;

installPackages();
if (embedded) {
  installTools();
  await resolveJar({ log: say }).catch((error) => fail(error.message));
}
// Before the tests, and not beside them: compiling takes both cores for some minutes.
if (purpose === 'test') {
  for (const name of TOOL_NAMES) await toolPath(name, say).catch((error) => fail(error.message));
}
if (isStale()) {
  say('compiling …');
  run(join('node_modules', '.bin', 'node'), ['scripts/build.mjs']);
}

function installPackages() {
  const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock) return;
  say('installing packages (once) …');
  // What the cache holds is pinned by its hash: asking the registry about it again proves nothing.
  process.env.npm_config_prefer_offline = 'true';
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  // npm may be set up to run no install scripts; this package is nothing without its own.
  if (spawnSync('node_modules/.bin/node', ['--version']).status !== 0) {
    run(process.execPath, ['installArchSpecificPackage'], 'node_modules/node');
  }
  writeFileSync(STAMP, lock);
}

function installTools() {
  const missing = findMissingTools(purpose);
  if (missing.length === 0) return;
  const mayInstall = purpose !== 'start' && isDebian() && process.getuid?.() === 0;
  if (!mayInstall) fail(formatInstallHint(missing));
  say(`installing ${missing.map(({ name }) => name).join(', ')} …`);
  const packages = missing.map(({ debianPackage }) => debianPackage);
  run('apt-get', ['-q', 'update']);
  run('apt-get', ['-q', 'install', '-y', '--no-install-recommends', ...packages]);
}

function run(command, args, cwd = '.') {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', env, cwd });
  if (status !== 0) fail(`${command} failed: ${error?.message ?? `exit code ${status}`}`);
}

function say(line) {
  console.log(`perfscope: ${line}`);
}

function fail(reason) {
  console.error(`perfscope: ${reason}`);
  process.exit(1);
}
