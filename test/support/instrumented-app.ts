import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { waitFor } from './wait-for.ts';

export interface InstrumentedAppOptions {
  env: NodeJS.ProcessEnv;
  args?: string[];
  cwd?: string;
  /** What `--import` gets; default: the compiled `register` of this checkout. */
  register?: string;
  /** Which Node runs it; default: this one. */
  node?: string;
}

/** An application that runs with the one flag that instruments it. */
export class InstrumentedApp {
  readonly child: ChildProcess;
  readonly exited: Promise<number | NodeJS.Signals>;
  output = '';

  constructor(script: string, options: InstrumentedAppOptions) {
    const { env, args = [], cwd = '.', register = resolve('dist/register.js') } = options;
    const { node = process.execPath } = options;
    this.child = spawn(node, ['--import', register, resolve(cwd, script), ...args], {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (part) => {
        this.output += part;
      });
    }
    this.exited = new Promise((done) => {
      this.child.once('exit', (code, signal) => done(signal ?? code ?? 0));
    });
  }

  /** The address that it says it listens on. */
  url(): Promise<string> {
    return waitFor(async () => /listening on (\S+)/.exec(this.output)?.[1]);
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.exited;
  }
}
