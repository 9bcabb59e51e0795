// Compiles the addon of better-sqlite3 11. Version 13 contains compiled addons.
import { dirname, join } from 'node:path';
import { getCacheFolder } from '../src/storage/questdb/questdb-jar.mjs';
import { installPackages } from './install-packages.mjs';
import { nodeBinary } from './node-versions.mjs';
import { findNodeFolder } from './pg-native.mjs';

const CACHE_DIR = join(getCacheFolder(), 'tools');
/** Tests need no fast code, and to compile it takes a minute longer. */
const COMPILER_FLAGS = '-O0 -g0';
const VERSION = '11.10.0';

/**
 * Returns the path of the addon for a major version of Node. Compiles it on first use, which takes 20 s.
 *
 * @param {number} major for example 22
 * @returns {string}
 * @throws {Error} if npm can't compile the addon
 */
export function buildBetterSqlite3(major) {
  const node = nodeBinary(major);
  const folder = join(CACHE_DIR, `better-sqlite3-${VERSION}-node-${major}`);
  installPackages(folder, [`better-sqlite3@${VERSION}`], {
    PATH: `${dirname(node)}:${process.env.PATH}`,
    npm_config_nodedir: findNodeFolder(node),
    CFLAGS: COMPILER_FLAGS,
    CXXFLAGS: COMPILER_FLAGS,
    // Prebuilt addons aren't in the registry.
    npm_config_build_from_source: 'true',
  });
  return join(folder, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node');
}
