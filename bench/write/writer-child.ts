import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readResidentMb } from '../process-usage.ts';
import type { WriterCommand, WriterResult } from './writer-process.ts';

const MEMORY_INTERVAL_MS = 20;

/** Controls a process that writes rows. See `writer-process.ts`. */
export class WriterChild {
  readonly #child: ChildProcess;
  readonly #failed: Promise<never>;

  /** @param checkout checkout whose RowWriter is used, or `client` for QuestDB's own client */
  private constructor(checkout: string, spoolDir: string) {
    this.#child = fork('bench/write/writer-process.ts', [spoolDir, checkout]);
    this.#failed = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the writer of ${checkout} exited with code ${code}`);
    });
    this.#failed.catch(() => {});
  }

  /** Starts the process, and waits until it has loaded its modules. */
  static async start(checkout: string, spoolDir: string): Promise<WriterChild> {
    const child = new WriterChild(checkout, spoolDir);
    await child.#receive();
    return child;
  }

  /** Resident memory in MB (10⁶ bytes). */
  get residentMb(): number {
    return readResidentMb(this.#child.pid!);
  }

  /** Runs a command, and returns its result and the peak of the resident memory. */
  async run(command: WriterCommand): Promise<WriterResult & { peakMb: number }> {
    let peakMb = this.residentMb;
    const timer = setInterval(() => {
      peakMb = Math.max(peakMb, this.residentMb);
    }, MEMORY_INTERVAL_MS);
    try {
      this.#child.send(command);
      const result = (await this.#receive()) as WriterResult;
      return { ...result, peakMb: Math.max(peakMb, this.residentMb) };
    } finally {
      clearInterval(timer);
    }
  }

  /** Kills the process. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#failed.catch(() => {});
  }

  async #receive(): Promise<unknown> {
    const [message] = await Promise.race([once(this.#child, 'message'), this.#failed]);
    return message;
  }
}
