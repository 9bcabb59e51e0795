// Installs the Node, npm, and Bun versions that CI tests, from npm packages. The Node packages have the official binaries.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';

const CACHE_DIR = resolve('node_modules', '.cache', 'perfscope-node');

/**
 * Returns the absolute path of a Node binary of the given major version. Installs it on first use, unless this process
 * has the same version.
 *
 * @param {number} major for example 22
 * @returns {string}
 * @throws {Error} if npm can't install the package
 */
export function nodeBinary(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  return join(installPackage(name, major), 'bin', 'node');
}

/**
 * Returns the absolute path of a Bun binary of the given major version. Installs it on first use.
 *
 * @param {number} major for example 1
 * @returns {string}
 */
export function bunBinary(major) {
  const arch = process.arch === 'arm64' ? 'aarch64' : process.arch;
  return join(installPackage(`@oven/bun-${process.platform}-${arch}`, major), 'bin', 'bun');
}

/**
 * Returns the absolute path of npm's script in the given major version. Installs it on first use.
 *
 * @param {number} major for example 10
 * @returns {string}
 * @throws {Error} if npm can't install the package
 */
export function npmScript(major) {
  return join(installPackage('npm', major), 'bin', 'npm-cli.js');
}

/** Installs a package in the cache, and returns the package's folder. */
function installPackage(name, major) {
  const folder = join(CACHE_DIR, `${name.replace('/', '-')}-${major}`);
  const packageFolder = join(folder, 'node_modules', name);
  if (existsSync(packageFolder)) return packageFolder;
  mkdirSync(CACHE_DIR, { recursive: true });
  const temporary = mkdtempSync(join(CACHE_DIR, 'install-'));
  try {
    writeFileSync(join(temporary, 'package.json'), '{ "private": true }');
    const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    const { status } = spawnSync('npm', [...args, `${name}@${major}`], {
      cwd: temporary,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error(`npm can't install ${name}@${major}`);
    // Tests start Node as other users too.
    chmodSync(temporary, 0o755);
    renameSync(temporary, folder);
  } catch (error) {
    // Another test file can install the same package at the same time. The first one to finish wins.
    if (!existsSync(packageFolder)) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return packageFolder;
}
