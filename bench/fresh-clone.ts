import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../test/support/wait-for.ts';

/** A clone of this repository that starts as described in the README, isolated from other running instances. */
export class FreshClone {
  readonly folder = mkdtempSync(join(tmpdir(), 'perfscope-bench-'));
  readonly path = join(this.folder, 'clone');
  readonly env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    PORT: '0',
    XDG_RUNTIME_DIR: join(this.folder, 'run'),
  };
  #child: ChildProcess | undefined;
  url = '';

  constructor() {
    mkdirSync(join(this.folder, 'run'));
    execFileSync('git', ['clone', '--quiet', '.', this.path]);
  }

  /**
   * Runs `npm start`.
   *
   * @returns seconds until the server is ready
   */
  async start(): Promise<number> {
    const startMs = performance.now();
    // Starts a separate process group, so that `stop` can send SIGINT to the whole group like a terminal.
    const child = spawn('npm', ['start'], { cwd: this.path, env: this.env, detached: true });
    this.#child = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part) => {
        output += part;
      });
    }
    const url = await waitFor(async () => {
      return /Ready: (\S+)/.exec(output)?.[1] ?? (child.exitCode !== null && 'ended');
    }, 300_000);
    if (url === 'ended') throw new Error(output);
    this.url = url;
    await waitFor(async () => (await fetch(`${url}/readyz`)).ok);
    return (performance.now() - startMs) / 1000;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.pid === undefined) return;
    const ended = new Promise((done) => child.once('exit', done));
    process.kill(-child.pid, 'SIGINT');
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
