import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';

/** A part of the server, such as QuestDB or the HTTP server. */
export interface ServerPart<T = void> {
  /** Appears in the log if the part fails to stop. */
  readonly name: string;
  readonly start: () => T | Promise<T>;
  readonly stop?: (started: T) => void | Promise<void>;
}

/** Starts parts in order and stops them in reverse order. */
export class ServerParts {
  readonly #log: Logger;
  readonly #started: { readonly name: string; readonly stop: () => void | Promise<void> }[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Starts one part. @returns what the part's `start` returns @throws what `start` throws */
  async start<T>({ name, start, stop }: ServerPart<T>): Promise<T> {
    const started = await start();
    if (stop) this.#started.push({ name, stop: () => stop(started) });
    return started;
  }

  /**
   * Stops all started parts, in reverse order. If a part fails to stop, logs the failure and
   * continues with the others.
   *
   * @throws AggregateError after all parts have been stopped, if any of them failed to stop
   */
  async stop(): Promise<void> {
    const failures: unknown[] = [];
    for (let part = this.#started.pop(); part; part = this.#started.pop()) {
      try {
        await part.stop();
      } catch (error) {
        failures.push(error);
        this.#log.error(`Failed to stop ${part.name}: ${errorMessage(error)}`);
      }
    }
    if (failures.length > 0) {
      throw new AggregateError(failures, `Number of parts that failed to stop: ${failures.length}`);
    }
  }
}

/**
 * Runs `startAll`, which starts parts one after another. If `startAll` throws, stops the parts that
 * have already started and throws the same error.
 */
export async function startParts<T>(
  startAll: (parts: ServerParts) => Promise<T>,
  log: Logger,
): Promise<T & { readonly close: () => Promise<void> }> {
  const parts = new ServerParts(log);
  try {
    const started = await startAll(parts);
    return { ...started, close: () => parts.stop() };
  } catch (error) {
    await parts.stop().catch(() => {});
    throw error;
  }
}
