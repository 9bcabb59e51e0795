import { spawn, spawnSync } from 'node:child_process';

/** Runs a command of the product to its end. */
export function runPerfscope(args: string[], env: NodeJS.ProcessEnv, input = '') {
  return spawnSync(process.execPath, ['dist/bin.js', ...args], { env, input, encoding: 'utf8' });
}

/** The same while the test goes on. */
export function runPerfscopeAsync(
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['dist/bin.js', ...args], { env });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (part) => {
      said[name] += part;
    });
  }
  return new Promise((done) => child.once('close', (status) => done({ status, ...said })));
}
