import { reasonOf } from '../../errors.ts';
import type { Log } from '../../log.ts';

const PATIENCE_MS = 5000;

/** Tells somebody outside, again and again, that rules are being evaluated. */
export class Heartbeat {
  readonly #url: string | undefined;
  readonly #log: Log;
  #failing = false;
  #lastMs: number | undefined;

  constructor(url: string | undefined, log: Log) {
    this.#url = url;
    this.#log = log;
  }

  /** When a round ended last, in ms since the epoch. */
  get lastMs(): number | undefined {
    return this.#lastMs;
  }

  /** A round has ended. Never rejects; a URL that fails is said once, until it works again. */
  async beat(now: number): Promise<void> {
    this.#lastMs = now;
    if (this.#url === undefined) return;
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const answer = await fetch(this.#url, { signal, redirect: 'error' });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
      if (this.#failing) this.#log.info('The heartbeat is heard again.');
      this.#failing = false;
    } catch (error) {
      // The address may hold a secret, as those of dead-man's switches do.
      if (!this.#failing) this.#log.warn(`The heartbeat was not heard: ${reasonOf(error)}`);
      this.#failing = true;
    }
  }
}
