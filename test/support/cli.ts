import { spawnSync } from 'node:child_process';

/** Runs a command of the product to its end. */
export function perfscope(args: string[], env: NodeJS.ProcessEnv, input = '') {
  return spawnSync(process.execPath, ['dist/bin.js', ...args], { env, input, encoding: 'utf8' });
}
