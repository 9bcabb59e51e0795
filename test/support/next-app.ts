import { execFile, spawn } from 'node:child_process';
import { cpSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from '../../demo/server-process.ts';
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
  /** `next` for `next start`, or the path of a program in the application. */
  readonly program: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** The application in `test/apps/nextjs`, built with a version of Next.js in `test/libraries`. */
export class NextApp {
  readonly #major: number;
  readonly #root: string;
  readonly #folder: string;
  readonly #bin: string;

  constructor(major: number) {
    this.#major = major;
    this.#root = resolve(`test/libraries/next-${major}`);
    this.#folder = `${this.#root}/app-under-test`;
    this.#bin = `${this.#root}/node_modules/next/dist/bin/next`;
  }

  get #env(): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env;
    return {
      PATH,
      HOME,
      CI: 'true',
      NEXT_TELEMETRY_DISABLED: '1',
      // Version 14 has another name for this setting, and finds the folder itself.
      ...(this.#major > 14 && { TRACING_ROOT: this.#root }),
    };
  }

  /** Builds the application. The packages of Next.js are found in the parent folder. */
  async build(): Promise<void> {
    this.remove();
    cpSync('test/apps/nextjs', this.#folder, { recursive: true });
    const inApp = (name: string) => `${this.#folder}/${name}`;
    if (this.#major >= 16) renameSync(inApp('middleware.js'), inApp('proxy.js'));
    await run(process.execPath, [this.#bin, 'build'], {
      cwd: this.#folder,
      env: this.#env,
      timeout: BUILD_LIMIT_MS,
    });
    cpSync(inApp('.next/static'), inApp('.next/standalone/app-under-test/.next/static'), {
      recursive: true,
    });
    cpSync(inApp('public'), inApp('.next/standalone/app-under-test/public'), { recursive: true });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /**
   * Starts the server, calls `send` with its URL, and stops the server.
   *
   * @returns what the server printed, and how it exited
   */
  async serve(start: NextStart, send: (url: string) => Promise<void>): Promise<string> {
    const port = String(await findFreePort());
    const args = start.program === 'next' ? [this.#bin, 'start', '-p', port] : [start.program];
    const child = spawn(start.node, [...(start.flags ?? []), ...args], {
      cwd: this.#folder,
      env: { ...this.#env, PORT: port, HOSTNAME: 'localhost', ...start.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output += chunk;
      });
    const exited = waitForExit(child);
    try {
      await waitFor(async () => {
        if (child.exitCode !== null) throw new Error(`the server exited:\n${output}`);
        return output.includes('Ready');
      });
      await send(`http://localhost:${port}`);
    } finally {
      child.kill('SIGTERM');
    }
    return `${output}exited with ${await exited}`;
  }
}
