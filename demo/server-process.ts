import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const MAX_PORT_ATTEMPTS = 100;
/** `fetch` rejects port 10080 (https://fetch.spec.whatwg.org/#port-blocking). */
const MIN_PORT = 10_081;
const MAX_PORT = 20_000;

/** Runs a temporary server in its own folder. `remove` stops it and deletes the folder. */
export class ServerProcess {
  readonly folder: string;
  readonly #uid: number | undefined;
  #child: ChildProcess | undefined;
  #output = '';

  /** @param user user to run the server as if this process is root, because some servers refuse to run as root */
  constructor(name: string, user?: string) {
    this.folder = mkdtempSync(join(tmpdir(), `perfscope-${name}-`));
    this.#uid = process.getuid?.() === 0 && user !== undefined ? getUid(user) : undefined;
    this.makeFolder('.');
  }

  /** Creates a folder that the server can write to. */
  makeFolder(name: string): string {
    const folder = join(this.folder, name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (this.#uid !== undefined) chownSync(folder, this.#uid, this.#uid);
    return folder;
  }

  /**
   * Runs a program and waits until it exits.
   *
   * @throws Error with the program's error output if it fails
   */
  run(command: string, args: readonly string[]): void {
    const result = spawnSync(command, args, { ...this.#options(), encoding: 'utf8' });
    if (result.status !== 0)
      throw new Error(`${command}: ${result.error?.message ?? result.stderr}`);
  }

  /** Starts the server. */
  start(command: string, args: readonly string[]): void {
    const child = spawn(command, args, { ...this.#options(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        this.#output = (this.#output + chunk).slice(-2000);
      });
    }
  }

  /** The last output of the server if it has exited, otherwise `undefined`. */
  get exitOutput(): string | undefined {
    const hasExited =
      this.#child && (this.#child.exitCode !== null || this.#child.signalCode !== null);
    return hasExited ? this.#output.trim() || 'the server exited without output' : undefined;
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

/** Returns the path of a program in `folders` or PATH, or `undefined` if it isn't installed. */
export function findExecutable(name: string, folders: readonly string[] = []): string | undefined {
  const path = (process.env.PATH ?? '').split(delimiter);
  return [...folders, ...path].map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** Returns the folders in which Debian and Homebrew install PostgreSQL, newest version first. */
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

/**
 * Returns a free port on the loopback address. It is below the range of ephemeral ports, so no outgoing
 * connection takes it before the caller listens on it.
 */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < MAX_PORT_ATTEMPTS; attempt++) {
    const port = randomInt(MIN_PORT, MAX_PORT);
    if (await canListen(port)) return port;
  }
  throw new Error('no free port found');
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function getUid(user: string): number {
  const { stdout, status } = spawnSync('id', ['-u', user], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : 65_534;
}
