import { z } from 'zod';
import { reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { personEntry } from './plan/person.ts';
import type { Person } from './plan/plan.ts';
import { type DirectoryFunction, directoryFunction } from './set-directory.ts';

const REFRESH_MS = 60_000;

/** The people of the application's function, asked for again each minute. */
export class Directory {
  readonly #log: Log;
  #people: readonly Person[] = [];
  #askedMs = Number.NEGATIVE_INFINITY;
  #last: DirectoryFunction | undefined;
  #asking: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Those of `file`, and the function's others. */
  with(file: readonly Person[]): readonly Person[] {
    if (this.#people.length === 0) return file;
    const names = new Set(file.map(({ name }) => name));
    return [...file, ...this.#people.filter(({ name }) => !names.has(name))];
  }

  /** Asks when a minute has passed. Never rejects; who was known stays. */
  async refresh(now: number): Promise<void> {
    const ask = directoryFunction();
    if (ask === this.#last && now < this.#askedMs + REFRESH_MS) return this.#asking;
    this.#last = ask;
    this.#askedMs = now;
    this.#asking = this.#ask(ask).catch((error: unknown) => {
      this.#log.warn(`The application's directory of people failed: ${reasonOf(error)}`);
    });
    await this.#asking;
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
    this.#people = read.flatMap(({ data }) => (data ? [data] : []));
  }
}
