import { z } from 'zod';
import {
  type DirectoryFunction,
  getDirectoryFunction,
} from '../../../agent/notification-directory.ts';
import { withTimeout } from '../../../core/concurrency.ts';
import { formatRequestIssue } from '../../../core/config-files/format-zod-issue.ts';
import { startTask } from '../../../core/guard.ts';
import type { Logger } from '../../../core/log.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';
import type { Person } from '../../../core/person-and-roles.ts';
import { personSchema } from '../config/notification-file-schema.ts';
import { PERSON_SOURCES, type PersonSource } from '../notification-views.ts';

const REFRESH_INTERVAL_MS = 60_000;

/** Caches the people from the application's directory function, and reloads them every minute. */
export class ApplicationDirectory {
  readonly #log: Logger;
  #people: readonly Person[] = [];
  #lastLoadMs = Number.NEGATIVE_INFINITY;
  #loadFunction: DirectoryFunction | undefined;
  #loading: Promise<void> | undefined;
  /** Whether the current function has returned at least once. */
  #hasLoaded = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  get people(): readonly Person[] {
    return this.#people;
  }

  /** Whether the function has returned at least once, or no function is set. */
  get isLoaded(): boolean {
    return this.#hasLoaded || getDirectoryFunction() === undefined;
  }

  /** Reloads the people if a minute has passed. Never rejects. After a failure, the list is unchanged. */
  async refresh(now: number): Promise<void> {
    const load = getDirectoryFunction();
    const isSame = load === this.#loadFunction;
    // If the function never returns, don't call it again.
    if (isSame && (this.#loading || now < this.#lastLoadMs + REFRESH_INTERVAL_MS)) {
      return this.#loading;
    }
    if (!isSame) this.#hasLoaded = false;
    this.#loadFunction = load;
    this.#lastLoadMs = now;
    const loading = this.#load(load)
      .catch((error: unknown) => {
        this.#log.warn(`The application's people directory failed: ${errorMessage(error)}`);
      })
      .finally(() => {
        if (this.#loading === loading) this.#loading = undefined;
      });
    this.#loading = loading;
    await loading;
  }

  async #load(load: DirectoryFunction | undefined): Promise<void> {
    const entries: readonly unknown[] = load ? await load() : [];
    const parsed = entries.map((person) =>
      personSchema.safeParse(person, { error: formatRequestIssue }),
    );
    const error = parsed.find(({ success }) => !success)?.error;
    if (error) {
      this.#log.warn(
        `Skipped an invalid person in the application's people directory: ${z.prettifyError(error)}`,
      );
    }
    // The application set another function in the meantime.
    if (load !== this.#loadFunction) return;
    this.#hasLoaded = true;
    this.#people = parsed.flatMap(({ data }) => (data ? [data] : []));
  }
}

/** A person and the source of the entry. */
export interface ListedPerson {
  readonly person: Person;
  readonly source: PersonSource;
  /** Whether a source with higher precedence has a person with the same name. */
  readonly hidden: boolean;
}

/** People from the API. */
export interface StoredPeople {
  readonly people: readonly Person[];
  /** Whether the people have been read at least once. */
  readonly isLoaded: boolean;
}

export interface PeopleRegistryOptions {
  /** Returns the people in the notification file. */
  readonly file: () => readonly Person[];
  /** The people added through the API. */
  readonly stored: StoredPeople | undefined;
  readonly log: Logger;
}

/** Longest time to wait for the application's directory function at startup. */
const START_TIMEOUT_MS = 5000;
const NO_PEOPLE: readonly Person[] = [];

/** Merges the people from the notification file, the API, and the application. */
export class PeopleRegistry {
  readonly #options: PeopleRegistryOptions;
  readonly #directory: ApplicationDirectory;
  #merged: { lists: readonly unknown[]; people: readonly Person[] } = { lists: [], people: [] };

  constructor(options: PeopleRegistryOptions) {
    this.#options = options;
    this.#directory = new ApplicationDirectory(options.log);
  }

  /** All people with unique names. For duplicate names, the first source wins. */
  get all(): readonly Person[] {
    const lists = this.#lists();
    // Cached, because every delivery attempt reads the list and it can contain thousands of people.
    if (lists.some((list, i) => list !== this.#merged.lists[i])) {
      const people = this.list().flatMap(({ person, hidden }) => (hidden ? [] : person));
      this.#merged = { lists, people };
    }
    return this.#merged.people;
  }

  /** Returns all people with their sources, including hidden duplicates. */
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

  /** Returns the people of each source, in the order of `PERSON_SOURCES`. */
  #lists(): readonly (readonly Person[])[] {
    const { file, stored } = this.#options;
    return [file(), stored?.people ?? NO_PEOPLE, this.#directory.people];
  }

  /** Whether all sources have been read. Until then, an unknown name can still appear. */
  get isLoaded(): boolean {
    return this.#directory.isLoaded && (this.#options.stored?.isLoaded ?? true);
  }

  /** Loads the application's people and waits up to 5 s for them. Never rejects. */
  async start(now: number): Promise<void> {
    await withTimeout(START_TIMEOUT_MS, this.#directory.refresh(now), () => undefined);
  }

  /** Reloads the application's people in the background if a minute has passed. */
  refresh(now: number): void {
    startTask("the application's people directory", () => this.#directory.refresh(now));
  }
}
