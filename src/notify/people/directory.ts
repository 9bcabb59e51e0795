import { z } from 'zod';
import { reasonOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { personEntry } from '../plan/person.ts';
import type { Person } from '../plan/plan.ts';
import { type DirectoryFunction, directoryFunction } from './set-directory.ts';

const REFRESH_MS = 60_000;

/** The people of the application's function, asked for again each minute. */
export class Directory {
  readonly #log: Log;
  #people: readonly Person[] = [];
  #askedMs = Number.NEGATIVE_INFINITY;
  #last: DirectoryFunction | undefined;
  #asking: Promise<void> | undefined;
  /** Whether the function has answered since it was named. */
  #answered = false;

  constructor(log: Log) {
    this.#log = log;
  }

  get people(): readonly Person[] {
    return this.#people;
  }

  /** Whether there is no function, or it has answered. */
  get isKnown(): boolean {
    return this.#answered || directoryFunction() === undefined;
  }

  /** Asks when a minute has passed. Never rejects; who was known stays. */
  async refresh(now: number): Promise<void> {
    const ask = directoryFunction();
    const isSame = ask === this.#last;
    // One that never answers is not asked again and again.
    if (isSame && (this.#asking || now < this.#askedMs + REFRESH_MS)) return this.#asking;
    if (!isSame) this.#answered = false;
    this.#last = ask;
    this.#askedMs = now;
    const asking = this.#ask(ask)
      .catch((error: unknown) => {
        this.#log.warn(`The application's directory of people failed: ${reasonOf(error)}`);
      })
      .finally(() => {
        if (this.#asking === asking) this.#asking = undefined;
      });
    this.#asking = asking;
    await asking;
  }

  async #ask(ask: DirectoryFunction | undefined): Promise<void> {
    const found: readonly unknown[] = ask ? await ask() : [];
    const read = found.map((person) => personEntry.safeParse(person));
    const wrong = read.find(({ success }) => !success)?.error;
    if (wrong) {
      this.#log.warn(
        `A person of the application's directory is left out: ${z.prettifyError(wrong)}`,
      );
    }
    // Another function was named meanwhile.
    if (ask !== this.#last) return;
    this.#answered = true;
    this.#people = read.flatMap(({ data }) => (data ? [data] : []));
  }
}
