import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A server of our own, in a folder of its own, gone when it is stopped. */
export class ServerProcess {
  readonly folder: string;
  readonly #uid: number | undefined;
  #child: ChildProcess | undefined;
  #said = '';

  /** @param user who runs it where we are root, because some servers refuse root */
  constructor(name: string, user?: string) {
    this.folder = mkdtempSync(join(tmpdir(), `perfscope-${name}-`));
    this.#uid = process.getuid?.() === 0 && user !== undefined ? getUid(user) : undefined;
    this.makeFolder('.');
  }

  /** Makes a folder that the server may write. */
  makeFolder(name: string): string {
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (this.#uid !== undefined) chownSync(folder, this.#uid, this.#uid);
    return folder;
  }

  /** Runs a program to its end. @throws with what it said, when it fails */
  run(command: string, args: readonly string[]): void {
    const done = spawnSync(command, args, { ...this.#options(), encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`${command}: ${done.error?.message ?? done.stderr}`);
  }

  /** Starts the server. */
  start(command: string, args: readonly string[]): void {
    const child = spawn(command, args, { ...this.#options(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (part) => {
        this.#said = (this.#said + part).slice(-2000);
      });
    }
  }

  /** What it said last, once it has ended by itself. */
  get exitOutput(): string | undefined {
    const ended = this.#child && (this.#child.exitCode !== null || this.#child.signalCode !== null);
    return ended ? this.#said.trim() || 'it ended' : undefined;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await ended;
  }

  async remove(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.kill(signal);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #options() {
    const { PATH, LANG } = process.env;
    return {
      cwd: this.folder,
      env: { PATH, LANG, HOME: this.folder },
      ...(this.#uid !== undefined && { uid: this.#uid, gid: this.#uid }),
    };
  }
}

/** Where a program is: on the path, or in one of `folders`; undefined when it is not installed. */
export function findExecutable(name: string, folders: readonly string[] = []): string | undefined {
  const path = (process.env.PATH ?? '').split(delimiter);
  return [...folders, ...path].map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** Folders in which Debian and Homebrew keep the versions of PostgreSQL. */
export function findPostgresFolders(): string[] {
  return ['/usr/lib/postgresql', '/opt/homebrew/opt'].flatMap((root) => {
    if (!existsSync(root)) return [];
    const versions = readdirSync(root).filter((name) => /^(\d+|postgresql.*)$/.test(name));
    return versions
      .toSorted()
      .reverse()
      .map((version) => join(root, version, 'bin'));
  });
}

/** A port of the loopback address that nobody listens on. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (typeof address !== 'object' || address === null) throw new Error('no port is free');
  return address.port;
}

function getUid(user: string): number {
  const { stdout, status } = spawnSync('id', ['-u', user], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : 65_534;
}
