import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Asks until `probe` gives something, for at most `withinMs`. */
export async function until<T>(
  probe: () => Promise<T | undefined | false>,
  withinMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await probe().catch(() => undefined);
    if (value) return value;
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await delay(50);
  }
}

/** The product as a user runs it, in a folder of its own. */
export class Product {
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
  server: ChildProcess | undefined;

  async start(): Promise<void> {
    mkdirSync(join(this.folder, 'run'), { recursive: true });
    this.output = '';
    const server = spawn(process.execPath, [resolve('dist/bin.js'), 'serve'], { env: this.env });
    this.server = server;
    for (const stream of [server.stdout, server.stderr]) {
      stream.on('data', (part) => {
        this.output += part;
      });
    }
    this.url = await until(async () => /Ready: (\S+)/.exec(this.output)?.[1], 60_000);
  }

  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    const { server } = this;
    if (!server || server.exitCode !== null) return server?.exitCode ?? null;
    const ended = new Promise<number | null>((done) => server.once('exit', done));
    server.kill(signal);
    return ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get questdbPid(): number {
    const lock = readFileSync(join(this.folder, 'data', 'server.lock'), 'utf8');
    return (JSON.parse(lock) as { questdb: { pid: number } }).questdb.pid;
  }

  /** Runs a statement as the writer, over QuestDB's own HTTP endpoint. */
  async sql(statement: string): Promise<unknown[][]> {
    const file = join(this.folder, 'run', 'perfscope', 'server.json');
    const { questdb } = JSON.parse(readFileSync(file, 'utf8')) as {
      questdb: { write: { url: string; authorization: string } };
    };
    const { url, authorization } = questdb.write;
    const response = await fetch(`${url}/exec?query=${encodeURIComponent(statement)}`, {
      headers: { authorization },
    });
    const body = (await response.json()) as { dataset: unknown[][]; error?: string };
    if (body.error) throw new Error(body.error);
    return body.dataset;
  }

  /** Starts `script` as an instrumented ES module. */
  run(script: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<number | null> {
    const register = resolve('dist/register.js');
    const child = spawn(process.execPath, ['--import', register, resolve(script), ...args], {
      env: { ...this.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return new Promise((done) => child.once('exit', done));
  }
}
