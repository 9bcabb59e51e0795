// Installs what a command needs: tools such as Java, npm packages, QuestDB, and the compiled code. Runs with the
// machine's own Node before any package is installed, so this script can use only Node's built-in modules.
// Usage: node scripts/prepare.mjs start|demo|test|pack [FILE ARGS…]. If FILE is given, it runs afterward.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  formatInstallHint,
  hasQuestdbPackage,
  resolveJar,
} from '../src/storage/questdb/questdb-jar.mjs';
import { isStale } from './build.mjs';
import { askToInstall, hasConsent, planInstallation } from './install-tools.mjs';
import { findMissingTools } from './missing-tools.mjs';
import { installTestLibraries } from './test-libraries.mjs';
import { buildTestTools } from './tools.mjs';

const STAMP = 'node_modules/.perfscope-lock';
/** The purpose is start, demo, test, or pack. */
const [purpose, file, ...allArgs] = process.argv.slice(2);
/** The program doesn't know `--yes`. */
const args = allArgs.filter((arg) => arg !== '--yes');
const embedded = purpose === 'test' || (purpose !== 'pack' && !process.env.PERFORMANCE_QUESTDB_URL);
/** The output of `npm pack --json` must be valid JSON, so messages go to stderr. */
const messageStream = purpose === 'pack' ? process.stderr : process.stdout;
// npm passes its options to scripts. `npm pack --dry-run --json` must not apply them to `npm ci`.
for (const option of ['dry_run', 'json']) delete process.env[`npm_config_${option}`];

// Checks the tools first, because installing the packages takes long.
if (embedded) await installTools();
const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== lock) {
  installPackages(lock);
  // npm removes a package with QuestDB that isn't in the lock file, so Java can be missing now.
  if (embedded) await installTools();
}
if (embedded && !hasQuestdbPackage()) {
  await resolveJar({ log }).catch((error) => fail(error.message));
}
// Builds the tools before the tests, because compiling uses both cores for several minutes.
if (purpose === 'test') {
  // Installing packages mostly waits for the network, so it runs while the tools are compiled.
  await Promise.all([installTestLibraries(log), buildTestTools(log)]).catch((error) =>
    fail(error.message),
  );
}
if (isStale()) {
  log('compiling …');
  run(join('node_modules', '.bin', 'node'), ['scripts/build.mjs']);
}
if (file !== undefined) replaceProcess(resolve('node_modules/.bin/node'), [file, ...args]);

function installPackages(lock) {
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

async function installTools() {
  const missing = findMissingTools(purpose);
  if (missing.length === 0) return;
  const plan = planInstallation(missing);
  if (plan === undefined) fail(formatInstallHint(missing));
  if (!(await isAllowed(plan))) {
    fail(
      `${formatInstallHint(missing)}\nTo let Perfscope install them, use \`npm start -- --yes\` or set PERFSCOPE_YES=true.`,
    );
  }
  log(`installing ${plan.packages.join(', ')} …`);
  for (const [command, commandArgs] of plan.commands) run(command, commandArgs);
  const remaining = findMissingTools(purpose);
  if (remaining.length > 0) {
    fail(
      `${plan.manager} succeeded, but something is still missing.\n${formatInstallHint(remaining)}`,
    );
  }
}

/** Asks on a terminal. Without a terminal, only `npm start` needs permission. */
async function isAllowed(plan) {
  if (hasConsent(allArgs, process.env)) return true;
  if (process.stdin.isTTY && process.stderr.isTTY) return askToInstall(plan);
  return purpose !== 'start';
}

function run(command, args, cwd = '.') {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const stdio = ['inherit', messageStream, 'inherit'];
  const { status, error } = spawnSync(command, args, { stdio, env, cwd });
  if (status !== 0) fail(`${command} failed: ${error?.message ?? `exit code ${status}`}`);
}

/** Runs Node.js in this process. Where this is impossible, runs a child process and forwards signals. */
function replaceProcess(node, nodeArgs) {
  if (process.execve !== undefined && process.platform !== 'win32') {
    process.execve(node, [node, ...nodeArgs], process.env);
  }
  const child = spawn(node, nodeArgs, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends the signal to both processes.
    process.on(signal, () => process.stdin.isTTY || child.kill(signal));
  }
  child.once('error', (error) => fail(error.message));
  child.once('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}

function log(line) {
  messageStream.write(`perfscope: ${line}\n`);
}

function fail(reason) {
  console.error(`perfscope: ${reason}`);
  process.exit(1);
}
