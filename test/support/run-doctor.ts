import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { nodeBinary } from '../../scripts/node-versions.mjs';

const BIN = resolve('dist/agent-package/bin.js');

export interface DoctorOptions {
  /** Major version of Node. Default: 26. */
  readonly node?: 22 | 24 | 26;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs the agent's command `doctor`. Returns the lines that it prints about libraries. */
export async function runDoctor(
  args: readonly string[],
  { node = 26, cwd = '.', env = {} }: DoctorOptions = {},
): Promise<string[]> {
  const environment = { PATH: process.env.PATH, HOME: tmpdir(), ...env };
  const stdout = await new Promise<string>((done) => {
    const options = { cwd, env: environment };
    execFile(nodeBinary(node), [BIN, 'doctor', ...args], options, (_error, output, problems) =>
      done(output + problems),
    );
  });
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('perfscope: ') && !/ rows (are|wait)/.test(line))
    .map((line) => line.slice('perfscope: '.length));
}
