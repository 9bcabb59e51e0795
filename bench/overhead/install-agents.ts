import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const FOLDER = 'bench/overhead';

/** Installs the other agents, unless the versions in the lock file are installed. */
export function installAgents(log: (line: string) => void): void {
  const stamp = `${FOLDER}/node_modules/.perfscope-lock`;
  const lock = createHash('sha256')
    .update(readFileSync(`${FOLDER}/package-lock.json`))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  log('installing the other agents (only once) …');
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  execFileSync('npm', ['ci', ...flags], { cwd: FOLDER, stdio: 'inherit' });
  writeFileSync(stamp, lock);
}
