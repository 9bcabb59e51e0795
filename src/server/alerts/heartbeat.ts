import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';

const HEARTBEAT_TIMEOUT_MS = 5000;

/**
 * Calls a URL after each evaluation round, so an external monitor can detect that evaluation has
 * stopped.
 */
export class Heartbeat {
  readonly #url: string | undefined;
  readonly #log: Logger;
  #isFailing = false;
  #lastRoundMs: number | undefined;

  constructor(url: string | undefined, log: Logger) {
    this.#url = url;
    this.#log = log;
  }

  /** End of the last evaluation round, in ms since the epoch. */
  get lastRoundMs(): number | undefined {
    return this.#lastRoundMs;
  }

  /** Sends a heartbeat. Never rejects. A failing URL is logged once until it works again. */
  async send(now: number): Promise<void> {
    this.#lastRoundMs = now;
    if (this.#url === undefined) return;
    try {
      const signal = AbortSignal.timeout(HEARTBEAT_TIMEOUT_MS);
      const response = await fetch(this.#url, { signal, redirect: 'error' });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`the response status was ${response.status}`);
      if (this.#isFailing) this.#log.info('The heartbeat URL responds again.');
      this.#isFailing = false;
    } catch (error) {
      // Don't log the URL, because it can contain a secret.
      if (!this.#isFailing) this.#log.warn(`Heartbeat request failed: ${errorMessage(error)}`);
      this.#isFailing = true;
    }
  }
}
