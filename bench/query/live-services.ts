import { type ChildProcess, fork } from 'node:child_process';
import type { WriteTarget } from '../../src/core/config/questdb-targets.ts';

export interface LiveOptions {
  readonly target: WriteTarget;
  readonly spoolDir: string;
  /** Processes of each service. */
  readonly instances: number;
  /** Exports that would have been before it are left out. */
  readonly fromMs: number;
  readonly flushIntervalMs: number;
  readonly requestSeries: number;
}

export interface LiveReport {
  rows: number;
  metricRows: number;
  /** From `add` to QuestDB's acknowledgement, of each export. */
  delaysMs: number[];
}

/** The estate's services, whose exports go through one writer in a process of its own. */
export class LiveServices {
  readonly #child: ChildProcess;
  readonly #ready: Promise<unknown>;
  #report: LiveReport | undefined;

  constructor(options: LiveOptions) {
    this.#child = fork(new URL('./live-exporters-process.ts', import.meta.url), [
      JSON.stringify(options),
    ]);
    this.#ready = new Promise((resolve, reject) => {
      this.#child.once('exit', (code) => reject(new Error(`the services ended with ${code}`)));
      this.#child.on('message', (message) => {
        if (message === 'ready') resolve(undefined);
        else this.#report = message as LiveReport;
      });
    });
  }

  /** Resolves when they are about to export. */
  async ready(): Promise<void> {
    await this.#ready;
  }

  /** Ends them when QuestDB has all rows. */
  async stop(): Promise<LiveReport> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.send('stop');
    await ended;
    if (!this.#report) throw new Error('the services ended without a report');
    return this.#report;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
