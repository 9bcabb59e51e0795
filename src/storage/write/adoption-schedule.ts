import { startTask } from '../../core/guard.ts';
import { startInterval } from '../../core/guarded-timers.ts';
import type { AdoptOptions } from '../spool/spool-adoption.ts';

const PART = 'the adoption of spooled rows';
const INTERVAL_MS = 10_000;
/**
 * Services look for rows of other processes less often, because each process of a machine does. Servers
 * always look for them.
 */
const ALL_PROCESSES_INTERVAL_MS = 300_000;

export interface AdoptionScheduleOptions {
  readonly isServer: boolean;
  /** Takes over rows of processes and worker threads that have ended, and sends them. */
  readonly adopt: (options: AdoptOptions) => Promise<void>;
}

/** Starts to look for rows of ended processes and worker threads, immediately and then at intervals. */
export class AdoptionSchedule {
  readonly #options: AdoptionScheduleOptions;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  /** Whether the running adoption includes only the rows of this process. */
  #isOwnProcessOnly = false;
  #nextAllMs = performance.now() + ALL_PROCESSES_INTERVAL_MS;

  constructor(options: AdoptionScheduleOptions) {
    this.#options = options;
    this.adopt();
    this.#timer = startInterval(PART, () => this.#adoptDue(), INTERVAL_MS);
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Starts an adoption, unless one is running that includes the same rows. */
  adopt(options: AdoptOptions = {}): void {
    startTask(PART, () => {
      const { ownProcessOnly = false } = options;
      // A running adoption of the rows of this process doesn't replace an adoption of all rows.
      if (this.#running && (ownProcessOnly || !this.#isOwnProcessOnly)) return this.#running;
      const previous = this.#running;
      const adoption = (async () => {
        await previous;
        await this.#options.adopt(options);
      })().finally(() => {
        if (this.#running === adoption) this.#running = undefined;
      });
      this.#running = adoption;
      this.#isOwnProcessOnly = ownProcessOnly;
      return adoption;
    });
  }

  /** Stops the timer. A running adoption continues. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #adoptDue(): void {
    const nowMs = performance.now();
    const ownProcessOnly = !this.#options.isServer && nowMs < this.#nextAllMs;
    // Partly random, so that the processes of a machine don't all look at the same time.
    if (!ownProcessOnly)
      this.#nextAllMs = nowMs + ALL_PROCESSES_INTERVAL_MS * (0.5 + Math.random());
    this.adopt({ ownProcessOnly });
  }
}
