import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { QuestdbTargets } from '../../src/core/config/questdb-targets.ts';
import type { ServerDiscovery } from '../../src/core/config/server-discovery.ts';
import { execSql } from './exec-sql.ts';
import { InstrumentedApp } from './instrumented-app.ts';
import { waitFor } from './wait-for.ts';
import { waitForExit } from './wait-for-exit.ts';

/** Runs the compiled Perfscope server in a temporary folder, as a user would. */
export class PerfscopeServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'perfscope-e2e-'));
  readonly env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    XDG_RUNTIME_DIR: join(this.folder, 'run'),
    PERFORMANCE_DATA_DIR: join(this.folder, 'data'),
    PERFORMANCE_FLUSH_INTERVAL: '500',
    PORT: '0',
  };
  url = '';
  output = '';
  /** Working directory of the server. */
  cwd = '.';
  /** The `perfscope` command. Default: the compiled command of this checkout. */
  command: readonly [string, ...string[]] = [process.execPath, resolve('dist/bin.js')];
  child: ChildProcess | undefined;
  #exited: Promise<number | NodeJS.Signals> | undefined;

  constructor(env: NodeJS.ProcessEnv = {}) {
    Object.assign(this.env, env);
    mkdirSync(join(this.folder, 'run'));
  }

  async start(): Promise<void> {
    this.output = '';
    const { env, cwd } = this;
    const [command, ...args] = this.command;
    const child = spawn(command, [...args, 'serve'], { env, cwd });
    this.child = child;
    const exited = waitForExit(child);
    this.#exited = exited;
    let hasExited = false;
    void exited.then(() => {
      hasExited = true;
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.output += chunk;
      });
    }
    const url = await waitFor(async () => {
      return /Ready: (\S+)\s/.exec(this.output)?.[1] ?? (hasExited && 'exited');
    });
    if (url === 'exited') throw new Error(this.output);
    this.url = url;
  }

  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | NodeJS.Signals | undefined> {
    const { child } = this;
    if (child && child.exitCode === null && child.signalCode === null) {
      // npx doesn't forward signals to the command.
      process.kill(this.#readLock()?.process.pid ?? child.pid!, signal);
    }
    return this.#exited;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get questdbPid(): number {
    return this.#readLock()!.questdb.pid;
  }

  #readLock(): { process: { pid: number }; questdb: { pid: number } } | undefined {
    const lock = join(this.env.PERFORMANCE_DATA_DIR!, 'server.lock');
    return existsSync(lock) ? JSON.parse(readFileSync(lock, 'utf8')) : undefined;
  }

  /** Content of the server's discovery file. */
  get discovery(): ServerDiscovery {
    const file = join(this.folder, 'run', 'perfscope', 'server.json');
    return JSON.parse(readFileSync(file, 'utf8')) as ServerDiscovery;
  }

  /** Addresses and credentials of the embedded QuestDB. */
  get questdb(): QuestdbTargets {
    return this.discovery.questdb;
  }

  /** Runs a statement as the writer, over QuestDB's HTTP endpoint. */
  sql(statement: string): Promise<unknown[][]> {
    return execSql(this.questdb.write, statement);
  }

  async get(path: string): Promise<Record<string, unknown>> {
    return (await fetch(this.url + path)).json() as Promise<Record<string, unknown>>;
  }

  /** Runs an instrumented script and waits until it exits. */
  runApp(script: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
    return new InstrumentedApp(script, { args, env: { ...this.env, ...env } }).exited;
  }
}
