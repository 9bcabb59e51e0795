// Installs `pg` with `pg-native`, whose addon is compiled for the current Node version and needs libpq.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { installPackages } from './install-packages.mjs';

const CACHE_DIR = resolve('node_modules', '.cache', 'perfscope-pg-native');
const PACKAGES = ['pg@8', 'pg-native@3'];

/**
 * Returns a folder whose `node_modules` has `pg` and `pg-native`. Compiles the addon on first use, which takes half a
 * minute.
 *
 * @returns {string}
 * @throws {Error} if npm can't compile the addon
 */
export function installPgNative() {
  const folder = join(CACHE_DIR, process.versions.modules);
  // The headers of the running Node. Otherwise, node-gyp would download them.
  installPackages(folder, PACKAGES, { npm_config_nodedir: findNodeFolder(process.execPath) });
  return folder;
}

/**
 * Returns the folder with the headers of a Node binary. The npm package `node` has them in another package.
 *
 * @param {string} node path of the binary
 * @returns {string}
 */
export function findNodeFolder(node) {
  const folder = dirname(dirname(node));
  const binaryPackage = `node-${process.platform}-${process.arch}`;
  const folders = [folder, join(folder, 'node_modules', binaryPackage)];
  return folders.find((each) => existsSync(join(each, 'include', 'node', 'node_api.h'))) ?? folder;
}
