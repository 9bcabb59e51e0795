// Installs the older Node versions that CI tests, from npm packages with the official binaries.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CACHE_DIR = 'node_modules/.cache/perfscope-node';

/**
 * Returns the path of a Node binary of the given major version. Installs it on first use.
 *
 * @param {number} major for example 22
 * @returns {string}
 * @throws {Error} if npm can't install the package
 */
export function nodeBinary(major) {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(CACHE_DIR, String(major));
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  const { status } = spawnSync('npm', [...args, `${name}@${major}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`npm can't install ${name}@${major}`);
  return binary;
}
