/** Does one thing at a time, in the order in which they were asked for. */
export class Turns {
  readonly #onFailure: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();

  /** @param onFailure hears what fails; the next turn comes all the same */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Resolves when `work` is over, however it ended. */
  take(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work).catch(this.#onFailure);
    return this.#last;
  }

  /** Resolves when all that was asked for until now is over. */
  get settled(): Promise<void> {
    return this.#last;
  }
}
