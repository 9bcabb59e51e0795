import type { WriteTarget } from '../config/target.ts';
import type { Log } from '../log.ts';
import { mendRollups } from './mend-rollups.ts';

const LOOK_EVERY_MS = 60_000;

/** Looks for roll-ups that QuestDB has given up as long as the server runs, and says what becomes of them. */
export class RollupKeeper {
  readonly #target: () => WriteTarget;
  readonly #log: Log;
  /** Those that stay as they are, of which it was said. */
  readonly #left = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(target: () => WriteTarget, log: Log) {
    this.#target = target;
    this.#log = log;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking ??= this.look().finally(() => {
        this.#looking = undefined;
      });
    }, LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** One look. It may fail as long as QuestDB is away: the next one will tell. */
  async look(): Promise<void> {
    try {
      for (const { name, reason, begun } of await mendRollups(this.#target())) {
        if (begun) this.#left.delete(name);
        else if (this.#left.has(name)) continue;
        else this.#left.add(name);
        const became = begun
          ? 'it is summed up anew'
          : 'its base has no rows any more of its oldest intervals, so it stays as it is: see rollup-invalid in docs/alerts.md';
        this.#log.warn(`QuestDB has given up the roll-up ${name} (${reason}): ${became}`);
      }
    } catch {
      // QuestDB is away, which others notice and say.
    }
  }
}
