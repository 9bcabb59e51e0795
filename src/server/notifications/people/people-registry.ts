import { z } from 'zod';
import {
  type DirectoryFunction,
  getDirectoryFunction,
} from '../../../agent/notification-directory.ts';
import { withTimeout } from '../../../core/concurrency.ts';
import { errorMessage } from '../../../core/errors.ts';
import type { Logger } from '../../../core/log.ts';
import type { Person } from '../../../core/people.ts';
import { personSchema } from '../config/notification-file-schema.ts';
import { PERSON_SOURCES, type PersonSource } from '../notification-views.ts';

const REFRESH_INTERVAL_MS = 60_000;

/** The people of the application's function, asked for again each minute. */
export class ApplicationDirectory {
  readonly #log: Logger;
  #people: readonly Person[] = [];
  #askedMs = Number.NEGATIVE_INFINITY;
  #last: DirectoryFunction | undefined;
  #asking: Promise<void> | undefined;
  /** Whether the function has answered since it was named. */
  #answered = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  get people(): readonly Person[] {
    return this.#people;
  }

  /** Whether there is no function, or it has answered. */
  get isLoaded(): boolean {
    return this.#answered || getDirectoryFunction() === undefined;
  }

  /** Asks when a minute has passed. Never rejects; who was known stays. */
  async refresh(now: number): Promise<void> {
    const ask = getDirectoryFunction();
    const isSame = ask === this.#last;
    // One that never answers is not asked again and again.
    if (isSame && (this.#asking || now < this.#askedMs + REFRESH_INTERVAL_MS)) return this.#asking;
    if (!isSame) this.#answered = false;
    this.#last = ask;
    this.#askedMs = now;
    const asking = this.#ask(ask)
      .catch((error: unknown) => {
        this.#log.warn(`The application's directory of people failed: ${errorMessage(error)}`);
      })
      .finally(() => {
        if (this.#asking === asking) this.#asking = undefined;
      });
    this.#asking = asking;
    await asking;
  }

  async #ask(ask: DirectoryFunction | undefined): Promise<void> {
    const found: readonly unknown[] = ask ? await ask() : [];
    const read = found.map((person) => personSchema.safeParse(person));
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

/** One who can be told, and where she is from. */
export interface ListedPerson {
  readonly person: Person;
  readonly source: PersonSource;
  /** Whether another of the same name counts, of a source before. */
  readonly hidden: boolean;
}

/** People that are kept elsewhere. */
export interface StoredPeople {
  readonly people: readonly Person[];
  /** Whether they have been read. */
  readonly isLoaded: boolean;
}

export interface PeopleRegistryOptions {
  /** Those of the file. */
  readonly file: () => readonly Person[];
  /** Those that the API has named. */
  readonly stored: StoredPeople | undefined;
  readonly log: Logger;
}

/** The start does not wait longer for an application that does not say who its people are. */
const START_TIMEOUT_MS = 5000;
const NO_PEOPLE: readonly Person[] = [];

/** Everybody who can be told: of the file, of the API and of the application's function. */
export class PeopleRegistry {
  readonly #options: PeopleRegistryOptions;
  readonly #directory: ApplicationDirectory;
  #merged: { of: readonly unknown[]; people: readonly Person[] } = { of: [], people: [] };

  constructor(options: PeopleRegistryOptions) {
    this.#options = options;
    this.#directory = new ApplicationDirectory(options.log);
  }

  /** Of one name, the first counts. */
  get all(): readonly Person[] {
    const lists = this.#lists();
    // Asked for with each attempt, and there may be thousands.
    if (lists.some((list, i) => list !== this.#merged.of[i])) {
      const people = this.list().flatMap(({ person, hidden }) => (hidden ? [] : person));
      this.#merged = { of: lists, people };
    }
    return this.#merged.people;
  }

  /** The same with where each is from, and those that another of the same name hides. */
  list(): ListedPerson[] {
    const names = new Set<string>();
    return this.#lists().flatMap((people, i) =>
      people.map((person) => {
        const hidden = names.has(person.name);
        names.add(person.name);
        return { person, source: PERSON_SOURCES[i]!, hidden };
      }),
    );
  }

  /** In the order of the sources. */
  #lists(): readonly (readonly Person[])[] {
    const { file, stored } = this.#options;
    return [file(), stored?.people ?? NO_PEOPLE, this.#directory.people];
  }

  /** Whether every source has answered: only then is a name that nobody has nobody's. */
  get isLoaded(): boolean {
    return this.#directory.isLoaded && (this.#options.stored?.isLoaded ?? true);
  }

  /** Asks the application, and waits for it, but not for ever. Never rejects. */
  async start(now: number): Promise<void> {
    await withTimeout(START_TIMEOUT_MS, this.#directory.refresh(now), () => undefined);
  }

  /** Asks the application again when it is time; its answer counts when it is there. */
  refresh(now: number): void {
    void this.#directory.refresh(now);
  }
}
