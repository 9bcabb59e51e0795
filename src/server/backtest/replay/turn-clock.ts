import { setImmediate as nextTurn } from 'node:timers/promises';

/** Other work of the server waits at most this long. */
const MAX_TURN_MS = 15;

/** Lets other work of the server run during a long computation. */
export class TurnClock {
  readonly #onTurn: () => void;
  #startedMs = performance.now();

  /** @param onTurn called before each pause. Throws to end the computation. */
  constructor(onTurn: () => void) {
    this.#onTurn = onTurn;
  }

  /** Whether the computation has run for so long that it should pause. */
  get isDue(): boolean {
    return performance.now() - this.#startedMs >= MAX_TURN_MS;
  }

  /** Lets other work run. */
  async pause(): Promise<void> {
    this.#onTurn();
    await nextTurn();
    this.#startedMs = performance.now();
  }

  /** Runs all parts of a computation, with pauses between them if needed. */
  async run(parts: Iterable<void>): Promise<void> {
    for (const _part of parts) if (this.isDue) await this.pause();
  }
}
