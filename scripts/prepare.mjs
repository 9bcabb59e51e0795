// Runs before `npm start`, `npm test`, and `npm pack`, with the machine's own Node. No packages are installed yet, so
// this script can use only Node's built-in modules.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatInstallHint, isDebian, resolveJar } from '../src/storage/questdb/questdb-jar.mjs';
import { isStale } from './build.mjs';
import { findMissingTools } from './missing-tools.mjs';
import { TOOL_NAMES, toolPath } from './tools.mjs';

const STAMP = 'node_modules/.perfscope-lock';
/** The command that runs next: start, demo, test, or pack. */
const purpose = process.argv[2];
const embedded = purpose === 'test' || (purpose !== 'pack' && !process.env.PERFORMANCE_QUESTDB_URL);
/** The output of `npm pack --json` must be valid JSON, so messages go to stderr. */
const messageStream = purpose === 'pack' ? process.stderr : process.stdout;
// npm passes its options to scripts. `npm pack --dry-run --json` must not apply them to `npm ci`.
for (const option of ['dry_run', 'json']) delete process.env[`npm_config_${option}`];

installPackages();
if (embedded) {
  installTools();
  await resolveJar({ log }).catch((error) => fail(error.message));
}
// Builds the tools before the tests, because compiling uses both cores for several minutes.
if (purpose === 'test') {
  for (const name of TOOL_NAMES) await toolPath(name, log).catch((error) => fail(error.message));
}
if (isStale()) {
  log('compiling …');
  run(join('node_modules', '.bin', 'node'), ['scripts/build.mjs']);
}

function installPackages() {
  const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock) return;
  log('installing packages (only once) …');
  // Cached packages are verified by their hash, so they don't have to be fetched again.
  process.env.npm_config_prefer_offline = 'true';
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  // npm can be configured to skip install scripts, but this package requires its script.
  if (spawnSync('node_modules/.bin/node', ['--version']).status !== 0) {
    run(process.execPath, ['installArchSpecificPackage'], 'node_modules/node');
  }
  writeFileSync(STAMP, lock);
}

function installTools() {
  const missing = findMissingTools(purpose);
  if (missing.length === 0) return;
  const canInstall = purpose !== 'start' && isDebian() && process.getuid?.() === 0;
  if (!canInstall) fail(formatInstallHint(missing));
  log(`installing ${missing.map(({ name }) => name).join(', ')} …`);
  const packages = missing.map(({ debianPackage }) => debianPackage);
  run('apt-get', ['-q', 'update']);
  run('apt-get', ['-q', 'install', '-y', '--no-install-recommends', ...packages]);
}

function run(command, args, cwd = '.') {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const stdio = ['inherit', messageStream, 'inherit'];
  const { status, error } = spawnSync(command, args, { stdio, env, cwd });
  if (status !== 0) fail(`${command} failed: ${error?.message ?? `exit code ${status}`}`);
}

function log(line) {
  messageStream.write(`perfscope: ${line}\n`);
}

function fail(reason) {
  console.error(`perfscope: ${reason}`);
  process.exit(1);
}
