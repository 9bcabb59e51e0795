// Installs packages in a cache, for tests that use other versions than the project.
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
import { dirname, join } from 'node:path';

/**
 * Installs packages in `node_modules` of a folder. Does nothing if the folder exists.
 *
 * @param {string} folder
 * @param {readonly string[]} packages names with versions, such as `pg@8`
 * @param {NodeJS.ProcessEnv} env additional environment variables for npm
 * @throws {Error} if npm can't install them
 */
export function installPackages(folder, packages, env = {}) {
  if (existsSync(folder)) return;
  mkdirSync(dirname(folder), { recursive: true });
  const temporary = mkdtempSync(join(dirname(folder), 'install-'));
  try {
    writeFileSync(join(temporary, 'package.json'), '{ "private": true }');
    const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    const { status } = spawnSync('npm', [...args, ...packages], {
      cwd: temporary,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error(`npm can't install ${packages.join(' and ')}`);
    // Tests start Node as other users too.
    chmodSync(temporary, 0o755);
    renameSync(temporary, folder);
  } catch (error) {
    // Another test can install the same packages at the same time. The first one to finish wins.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
