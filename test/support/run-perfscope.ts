import { spawn, spawnSync } from 'node:child_process';

/** Runs a Perfscope command and waits until it exits. */
export function runPerfscope(args: string[], env: NodeJS.ProcessEnv, input = '') {
  return spawnSync(process.execPath, ['dist/bin.js', ...args], { env, input, encoding: 'utf8' });
}

/** Runs a Perfscope command without blocking the test. */
export function runPerfscopeAsync(
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['dist/bin.js', ...args], { env });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk) => {
      output[name] += chunk;
    });
  }
  return new Promise((done) => child.once('close', (status) => done({ status, ...output })));
}
