import { type ChildProcess, fork } from 'node:child_process';
import type { WriteTarget } from '../../src/core/config/questdb-targets.ts';

export interface LiveOptions {
  readonly target: WriteTarget;
  readonly spoolDir: string;
  /** Number of processes of each service. */
  readonly instances: number;
  /** Time of the first export, in ms since the epoch. Earlier exports are skipped. */
  readonly fromMs: number;
  readonly flushIntervalMs: number;
  readonly requestSeries: number;
}

export interface LiveReport {
  rows: number;
  metricRows: number;
  /** Time from `add` to QuestDB's acknowledgment for each export, in ms. */
  delaysMs: number[];
}

/** Runs the benchmark's services in a separate process, with one shared writer. */
export class LiveServices {
  readonly #child: ChildProcess;
  readonly #ready: Promise<unknown>;
  #report: LiveReport | undefined;

  constructor(options: LiveOptions) {
    this.#child = fork(new URL('./live-exporters-process.ts', import.meta.url), [
      JSON.stringify(options),
    ]);
    this.#ready = new Promise((resolve, reject) => {
      this.#child.once('exit', (code) =>
        reject(new Error(`the services exited with code ${code}`)),
      );
      this.#child.on('message', (message) => {
        if (message === 'ready') resolve(undefined);
        else this.#report = message as LiveReport;
      });
    });
  }

  /** Resolves when the services are ready to export. */
  async ready(): Promise<void> {
    await this.#ready;
  }

  /** Stops the services after QuestDB has stored all rows. */
  async stop(): Promise<LiveReport> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.send('stop');
    await ended;
    if (!this.#report) throw new Error('the services exited without a report');
    return this.#report;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
