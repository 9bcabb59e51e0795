import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from '../../demo/server-process.ts';
import { runDoctor } from './run-doctor.ts';
import { waitFor } from './wait-for.ts';
import { waitForExit } from './wait-for-exit.ts';

const run = promisify(execFile);
const BUILD_LIMIT_MS = 600_000;

/** How a Next.js server is started. */
export interface NextStart {
  /** Path of the Node binary. */
  readonly node: string;
  /** Flags of Node. */
  readonly flags?: readonly string[];
  /** `start` or `dev` for a command of Next.js, or the path of a program in the application. */
  readonly program: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** An application, built with a version of Next.js in `test/libraries`. */
export class NextApp {
  readonly #major: number;
  readonly #root: string;
  readonly #source: string;
  readonly #name: string;
  readonly #folder: string;
  readonly #bin: string;

  /** @param source folder of the application */
  constructor(major: number, source: string) {
    this.#major = major;
    this.#source = source;
    this.#name = `${basename(source)}-under-test`;
    this.#root = resolve(`test/libraries/next-${major}`);
    this.#folder = `${this.#root}/${this.#name}`;
    this.#bin = `${this.#root}/node_modules/next/dist/bin/next`;
  }

  get #env(): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env;
    return {
      PATH,
      HOME,
      CI: 'true',
      NEXT_TELEMETRY_DISABLED: '1',
      // After SIGTERM, `next dev` waits only 100 ms for its server, and then kills it.
      NEXT_EXIT_TIMEOUT_MS: '30000',
      // Version 14 has another name for this setting, and finds the folder itself.
      ...(this.#major > 14 && { TRACING_ROOT: this.#root }),
    };
  }

  /** Builds the application. The packages of Next.js are found in the parent folder. */
  async build(): Promise<void> {
    this.remove();
    cpSync(this.#source, this.#folder, { recursive: true });
    const inApp = (name: string) => `${this.#folder}/${name}`;
    if (this.#major >= 16 && existsSync(inApp('middleware.js'))) {
      renameSync(inApp('middleware.js'), inApp('proxy.js'));
    }
    await run(process.execPath, [this.#bin, 'build'], {
      cwd: this.#folder,
      env: this.#env,
      timeout: BUILD_LIMIT_MS,
    });
    // The build leaves these files to a CDN.
    const standalone = inApp(`.next/standalone/${this.#name}`);
    if (!existsSync(standalone)) return;
    cpSync(inApp('.next/static'), `${standalone}/.next/static`, { recursive: true });
    cpSync(inApp('public'), `${standalone}/public`, { recursive: true });
  }

  /** Returns what `doctor` reports about the libraries of the built application. */
  runDoctor(): Promise<string[]> {
    const args = [this.#bin, 'start', '--', '-p', '0'];
    return runDoctor(args, { cwd: this.#folder, env: this.#env });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /**
   * Starts the server, calls `send` with its URL, and stops the server.
   *
   * @param send its second argument returns what the server has printed so far
   * @returns what the server printed, and how it exited
   */
  async serve(
    start: NextStart,
    send: (url: string, readOutput: () => string) => Promise<void>,
  ): Promise<string[]> {
    const port = String(await findFreePort());
    const isCommand = start.program === 'start' || start.program === 'dev';
    const args = isCommand ? [this.#bin, start.program, '-p', port] : [start.program];
    const child = spawn(start.node, [...(start.flags ?? []), ...args], {
      cwd: this.#folder,
      env: { ...this.#env, PORT: port, HOSTNAME: 'localhost', ...start.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk) => {
        output[name] += chunk;
      });
    const exited = waitForExit(child);
    try {
      await waitFor(async () => {
        if (child.exitCode !== null) throw new Error(`the server exited:\n${output.stderr}`);
        return output.stdout.includes('Ready');
      });
      await send(`http://localhost:${port}`, () => output.stdout);
    } finally {
      child.kill('SIGTERM');
    }
    return [output.stdout, output.stderr, `exited with ${await exited}`];
  }
}
