import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { until } from './until.ts';

export interface AppOptions {
  env: NodeJS.ProcessEnv;
  args?: string[];
  cwd?: string;
  /** What `--import` gets; default: the compiled `register` of this checkout. */
  register?: string;
  /** Which Node runs it; default: this one. */
  node?: string;
}

/** An application that runs with the one flag that instruments it. */
export class App {
  readonly child: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals>;
  output = '';

  constructor(script: string, options: AppOptions) {
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
    this.ended = new Promise((done) => {
      this.child.once('exit', (code, signal) => done(signal ?? code ?? 0));
    });
  }

  /** The address that it says it listens on. */
  url(): Promise<string> {
    return until(async () => /listening on (\S+)/.exec(this.output)?.[1]);
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.ended;
  }
}
