import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { waitFor } from './wait-for.ts';

export interface InstrumentedAppOptions {
  env: NodeJS.ProcessEnv;
  args?: string[];
  cwd?: string;
  /** Module for `--import`. Default: the compiled `register` of this checkout. */
  register?: string;
  /** Path of the Node binary. Default: the current one. */
  node?: string;
}

/** Runs an application with the `--import` flag that instruments it. */
export class InstrumentedApp {
  readonly child: ChildProcess;
  readonly exited: Promise<number | NodeJS.Signals>;
  output = '';

  constructor(script: string, options: InstrumentedAppOptions) {
    const { env, args = [], cwd = '.', register = resolve('dist/agent-package/register.js') } = options;
    const { node = process.execPath } = options;
    this.child = spawn(node, ['--import', register, resolve(cwd, script), ...args], {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
    }
    this.exited = new Promise((done) => {
      this.child.once('exit', (code, signal) => done(signal ?? code ?? 0));
    });
  }

  /** Returns the URL that the application prints when it is ready. */
  url(): Promise<string> {
    return waitFor(async () => /listening on (\S+)/.exec(this.output)?.[1]);
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.exited;
  }
}
