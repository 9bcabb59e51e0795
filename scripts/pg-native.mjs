// Installs `pg` with `pg-native`, whose addon is compiled for the current Node version and needs libpq.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

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
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE_DIR, { recursive: true });
  const temporary = mkdtempSync(join(CACHE_DIR, 'install-'));
  try {
    writeFileSync(join(temporary, 'package.json'), '{ "private": true }');
    const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    const { status } = spawnSync('npm', [...args, ...PACKAGES], {
      cwd: temporary,
      // The headers of the running Node. Otherwise, node-gyp would download them.
      env: { ...process.env, npm_config_nodedir: findNodeFolder() },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error(`npm can't install ${PACKAGES.join(' and ')}`);
    renameSync(temporary, folder);
  } catch (error) {
    // Another test can install the packages at the same time. The first one to finish wins.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}

/** Returns the folder with the headers of the running Node. The npm package `node` has them in another package. */
function findNodeFolder() {
  const folder = dirname(dirname(process.execPath));
  const binaryPackage = `node-${process.platform}-${process.arch}`;
  const folders = [folder, join(folder, 'node_modules', binaryPackage)];
  return folders.find((each) => existsSync(join(each, 'include', 'node', 'node_api.h'))) ?? folder;
}
