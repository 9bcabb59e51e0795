import { errorMessage } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';

const HEARTBEAT_TIMEOUT_MS = 5000;

/** Tells somebody outside, again and again, that rules are being evaluated. */
export class Heartbeat {
  readonly #url: string | undefined;
  readonly #log: Logger;
  #isFailing = false;
  #lastRoundMs: number | undefined;

  constructor(url: string | undefined, log: Logger) {
    this.#url = url;
    this.#log = log;
  }

  /** When a round ended last, in ms since the epoch. */
  get lastRoundMs(): number | undefined {
    return this.#lastRoundMs;
  }

  /** A round has ended. Never rejects; a URL that fails is said once, until it works again. */
  async send(now: number): Promise<void> {
    this.#lastRoundMs = now;
    if (this.#url === undefined) return;
    try {
      const signal = AbortSignal.timeout(HEARTBEAT_TIMEOUT_MS);
      const answer = await fetch(this.#url, { signal, redirect: 'error' });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
      if (this.#isFailing) this.#log.info('The heartbeat is heard again.');
      this.#isFailing = false;
    } catch (error) {
      // The address may hold a secret, as those of dead-man's switches do.
      if (!this.#isFailing) this.#log.warn(`The heartbeat was not heard: ${errorMessage(error)}`);
      this.#isFailing = true;
    }
  }
}
