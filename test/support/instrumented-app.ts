import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { waitFor } from './wait-for.ts';
import { waitForExit } from './wait-for-exit.ts';

export interface InstrumentedAppOptions {
  env: NodeJS.ProcessEnv;
  args?: string[];
  cwd?: string;
  /** Module for `--import`. Default: the compiled `register` of this checkout. */
  register?: string;
  /** Flags of Node. Default: `--import` with the module in `register`. */
  flags?: readonly string[];
  /** Path of the Node binary. Default: the current one. */
  node?: string;
}

/** Runs an application with the `--import` flag that instruments it. */
export class InstrumentedApp {
  readonly child: ChildProcess;
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Lines of both streams in the order of their arrival. */
  output = '';
  stdout = '';
  stderr = '';

  constructor(script: string, options: InstrumentedAppOptions) {
    const {
      env,
      args = [],
      cwd = '.',
      register = resolve('dist/agent-package/register.js'),
    } = options;
    const { node = process.execPath, flags = ['--import', register] } = options;
    this.child = spawn(node, [...flags, resolve(cwd, script), ...args], {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]?.on('data', (chunk) => {
        this[name] += chunk;
        this.output += chunk;
      });
    }
    this.exited = waitForExit(this.child);
  }

  /**
   * Returns the URL that the application prints when it is ready.
   *
   * @throws Error with the output if the application exits
   */
  async url(): Promise<string> {
    let hasExited = false;
    void this.exited.then(() => {
      hasExited = true;
    });
    const url = await waitFor(
      async () => /listening on (\S+)\s/.exec(this.output)?.[1] ?? (hasExited && 'exited'),
    );
    if (url === 'exited') throw new Error(`the application exited:\n${this.output}`);
    return url;
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.exited;
  }
}
