import type { Log } from '../../log.ts';
import { PERSON_SOURCES, type PersonSource } from '../../schema/notification-desk.ts';
import type { Person } from '../plan/plan.ts';
import { Directory } from './directory.ts';

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
  readonly isKnown: boolean;
}

export interface PeopleOptions {
  /** Those of the file. */
  readonly file: () => readonly Person[];
  /** Those that the API has named. */
  readonly stored: StoredPeople | undefined;
  readonly log: Log;
}

/** The start does not wait longer for an application that does not say who its people are. */
const FIRST_ANSWER_MS = 5000;
const NOBODY: readonly Person[] = [];

/** Everybody who can be told: of the file, of the API and of the application's function. */
export class People {
  readonly #options: PeopleOptions;
  readonly #directory: Directory;
  #merged: { of: readonly unknown[]; people: readonly Person[] } = { of: [], people: [] };

  constructor(options: PeopleOptions) {
    this.#options = options;
    this.#directory = new Directory(options.log);
  }

  /** Of one name, the first counts. */
  get all(): readonly Person[] {
    const lists = this.#lists();
    // Asked for with each attempt, and there may be thousands.
    if (lists.some((list, i) => list !== this.#merged.of[i])) {
      const people = this.listed().flatMap(({ person, hidden }) => (hidden ? [] : person));
      this.#merged = { of: lists, people };
    }
    return this.#merged.people;
  }

  /** The same with where each is from, and those that another of the same name hides. */
  listed(): ListedPerson[] {
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
    return [file(), stored?.people ?? NOBODY, this.#directory.people];
  }

  /** Whether every source has answered: only then is a name that nobody has nobody's. */
  get areKnown(): boolean {
    return this.#directory.isKnown && (this.#options.stored?.isKnown ?? true);
  }

  /** Asks the application, and waits for it, but not for ever. Never rejects. */
  async start(now: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FIRST_ANSWER_MS);
    });
    await Promise.race([this.#directory.refresh(now), late]).finally(() => clearTimeout(timer));
  }

  /** Asks the application again when it is time; its answer counts when it is there. */
  refresh(now: number): void {
    void this.#directory.refresh(now);
  }
}
