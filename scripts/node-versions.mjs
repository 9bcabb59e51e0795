// Installs the Node, npm, and Bun versions that CI tests, from npm packages. The Node packages have the official binaries.
import { join, resolve } from 'node:path';
import { installPackages } from './install-packages.mjs';

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
  installPackages(folder, [`${name}@${major}`]);
  return join(folder, 'node_modules', name);
}
