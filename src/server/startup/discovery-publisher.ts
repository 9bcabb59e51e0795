import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';

const RETRY_DELAY_MS = 2000;

/**
 * Writes the discovery file, which contains the addresses of the server and whether writes are paused.
 * Repeats a failed write every 2 s, for example after the disk was full.
 */
export class DiscoveryPublisher {
  readonly #write: () => void;
  readonly #log: Logger;
  #retryTimer: NodeJS.Timeout | undefined;
  /** Whether a failure was logged and no write has succeeded since then. */
  #isFailing = false;
  #isStopped = false;

  /** @param write writes the current state. Throws if this fails. */
  constructor(write: () => void, log: Logger) {
    this.#write = write;
    this.#log = log;
  }

  /** Writes the file for the first time. @throws the error of the file system */
  start(): void {
    this.#write();
  }

  /** Writes the file, now and after each failure. Does nothing after `stop`. Never throws. */
  publish(): void {
    clearTimeout(this.#retryTimer);
    if (this.#isStopped) return;
    try {
      this.#write();
      if (this.#isFailing) this.#log.info('The discovery file was written.');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        this.#log.warn(
          `Failed to write the discovery file, and services read the old one: ${errorMessage(error)}. Trying again every 2 s.`,
        );
      }
      this.#isFailing = true;
      this.#retryTimer = setTimeout(() => this.publish(), RETRY_DELAY_MS);
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retryTimer);
  }
}
