import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from './wait-for.ts';

/**
 * Rows that a process can lose when it is killed were recorded at most this long before, in ms. Rows are in the spool
 * within 500 ms. The rest is for busy machines.
 */
const UNSAVED_MS = 1500;

interface Status {
  recorded: number;
  dropped: Record<string, number>;
  waiting: number;
  rss: number;
  ready?: true;
  exit?: true;
  done?: string;
  error?: string;
}

export interface ChaosProgramOptions {
  /** Folder with the build. */
  dist: string;
  env: NodeJS.ProcessEnv;
  mode?: 'writer' | 'agent';
  label?: string;
  /** Size of the tags of each row, in bytes. */
  padding?: number;
  /** Whether the writer sends rows as a server does. */
  isServer?: boolean;
  /** Whether the agent is loaded with `--import`. */
  isRegistered?: boolean;
  /** Number of rows to record in the first turn of the event loop. */
  burst?: number;
  /** Whether `fault` commands are possible. */
  hasFaults?: boolean;
  /** Command that starts Node.js, such as `unshare`. */
  launcher?: readonly string[];
  cwd?: string;
}

/** A process that records numbered rows. See test/chaos/program.mjs. */
export class ChaosProgram {
  readonly label: string;
  readonly mode: 'writer' | 'agent';
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #history: { atMs: number; recorded: number }[] = [];
  #status: Status = { recorded: 0, dropped: {}, waiting: 0, rss: 0 };
  #baseRss = 0;
  #maxRss = 0;
  #isReady = false;
  #replies: Status[] = [];
  /** Time of a kill, on the clock of `performance.now()`. */
  #killedMs: number | undefined;
  stderr = '';

  constructor(options: ChaosProgramOptions) {
    const { dist, env, mode = 'writer', label = 'main', padding = 0, launcher = [] } = options;
    this.label = label;
    this.mode = mode;
    const flags: string[] = [];
    if (options.hasFaults) flags.push('--require', resolve('test/chaos/fs-faults.cjs'));
    if (options.isRegistered) flags.push('--import', resolve(dist, 'agent-package/register.js'));
    const args = ['--dist', resolve(dist), '--mode', mode, '--label', label];
    args.push('--padding', String(padding), '--burst', String(options.burst ?? 0));
    if (options.isServer) args.push('--server');
    const program = resolve('test/chaos/program.mjs');
    const [command = '', ...rest] = [...launcher, process.execPath, ...flags, program, ...args];
    const { cwd = '.' } = options;
    this.#child = spawn(command, rest, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stdin?.on('error', () => {});
    this.#child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    const lines = createInterface({ input: this.#child.stdout! });
    lines.on('line', (line) => this.#onStatus(line));
    this.#exited = new Promise((done) => this.#child.once('close', () => done()));
  }

  get recorded(): number {
    return this.#status.recorded;
  }

  /** Dropped rows by reason. */
  get dropped(): Readonly<Record<string, number>> {
    return this.#status.dropped;
  }

  get isIdle(): boolean {
    return this.#status.waiting === 0;
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Growth of the resident memory since the start, in bytes. */
  get memoryGrowth(): number {
    return Math.max(0, this.#maxRss - this.#baseRss);
  }

  /** Number of the first rows that a kill can't have lost, because they were recorded early enough. */
  get savedRows(): number {
    if (this.#killedMs === undefined) return this.recorded;
    const limitMs = this.#killedMs - UNSAVED_MS;
    const saved = this.#history.filter(({ atMs }) => atMs <= limitMs);
    return Math.max(0, ...saved.map(({ recorded }) => recorded));
  }

  /** Records that all rows are in the spool, so that a kill loses none of them. */
  markSaved(): void {
    this.#history.push({ atMs: 0, recorded: this.recorded });
  }

  async waitUntilReady(): Promise<void> {
    await waitFor(async () => this.#isReady || this.hasExited);
    if (!this.#isReady) throw new Error(`the program exited: ${this.stderr}`);
  }

  /** Sends a command and waits until it is done. */
  async run(command: string): Promise<Status> {
    this.send(command);
    return waitFor(async () => {
      if (this.hasExited) throw new Error(`the program exited: ${this.stderr.slice(-500)}`);
      const index = this.#replies.findIndex(({ done }) => done === command);
      return index >= 0 && this.#replies.splice(index, 1)[0];
    }, 120_000);
  }

  send(command: string): void {
    this.#child.stdin?.write(`${command}\n`);
  }

  async waitForRecorded(rows: number, timeoutMs = 240_000): Promise<void> {
    await waitFor(async () => this.hasExited || this.recorded >= rows, timeoutMs);
  }

  async kill(): Promise<void> {
    this.#killedMs ??= performance.now();
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Ends the program as an application ends. Kills it if that takes too long. */
  async exit(): Promise<void> {
    if (this.hasExited) return;
    this.send('exit');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 60_000);
    await this.#exited;
    clearTimeout(force);
  }

  #onStatus(line: string): void {
    const status = JSON.parse(line) as Status;
    this.#status = status;
    if (status.ready) {
      this.#isReady = true;
      this.#baseRss = status.rss;
    }
    if (status.done !== undefined) this.#replies.push(status);
    this.#maxRss = Math.max(this.#maxRss, status.rss);
    const last = this.#history.at(-1);
    if (last?.recorded !== status.recorded) {
      this.#history.push({ atMs: performance.now(), recorded: status.recorded });
    }
  }
}
