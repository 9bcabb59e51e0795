import type { Audit } from '../../access/audit.ts';
import type { Actor } from '../../access/key-store.ts';
import { coded } from '../../errors.ts';
import { KnownRows } from '../../questdb/known-rows.ts';
import type { Read } from '../../questdb/reader.ts';
import { from, sql } from '../../questdb/statement.ts';
import { type PersonRow, people } from '../../schema/people.ts';
import { EVERYTHING } from '../../schema/scope.ts';
import type { Add } from '../../schema/tables.ts';
import { rowOf } from '../../windows/row.ts';
import type { Person } from '../plan/plan.ts';
import { blanked, peopleOf, personRow, readPerson, type StoredPerson } from './record.ts';

export interface PeopleBookOptions {
  readonly read: Read;
  readonly add: Add;
  /** Resolves when what was added is stored. */
  readonly flush: () => Promise<void>;
  readonly audit: Audit;
  readonly now?: () => number;
}

/** As many as a file may have. */
const MOST_PEOPLE = 10_000;
const ALL = sql`SELECT * ${from(people.name)} ORDER BY timestamp, seq`;

/** The people that the API has named, as they are now. @throws PS_UNAVAILABLE */
export async function storedPeople(read: Read): Promise<Person[]> {
  const known = peopleOf(await read(EVERYTHING, ALL));
  return [...known.values()].flatMap(({ person }) => person ?? []);
}

/** The people that the API has named: stored, so that every server knows them, also after a restart. */
export class PeopleBook {
  readonly #options: PeopleBookOptions;
  readonly #now: () => number;
  readonly #known: KnownRows<StoredPerson>;
  #present: { of: readonly StoredPerson[]; people: readonly Person[] } = { of: [], people: [] };
  /** One change after another: each needs to know those before. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PeopleBookOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#known = new KnownRows({
      read: options.read,
      now: this.#now,
      table: people.name,
      all: ALL,
      of: peopleOf,
      isStored: (own, { atMs, seq }) => atMs > own.atMs || (atMs === own.atMs && seq >= own.seq),
    });
  }

  /** Reads all of them. @throws PS_UNAVAILABLE */
  load(): Promise<void> {
    return this.#known.look();
  }

  /** Keeps them up to date. */
  watch(): void {
    this.#known.watch();
  }

  close(): void {
    this.#known.close();
  }

  /** Whether they have been read: before that, nobody can say who is not among them. */
  get isKnown(): boolean {
    return this.#known.readAt !== undefined;
  }

  /** The same array as long as nobody has changed. */
  get people(): readonly Person[] {
    const { all } = this.#known;
    if (this.#present.of !== all) {
      this.#present = { of: all, people: all.flatMap(({ person }) => person ?? []) };
    }
    return this.#present.people;
  }

  /**
   * Names somebody, or replaces whoever has her name; returns when every server can find her.
   *
   * @throws PS_REQUEST_INVALID; PS_UNAVAILABLE, PS_FLUSH_TIMEOUT while QuestDB is away
   */
  set(entry: object, actor: Actor): Promise<Person> {
    const person = readPerson(entry);
    return this.#inTurn(async () => {
      await this.load();
      const isNew = this.#known.find(person.name)?.person === undefined;
      if (isNew && this.people.length >= MOST_PEOPLE) {
        throw coded('PS_REQUEST_INVALID', { reason: `there are ${MOST_PEOPLE} people already` });
      }
      return this.#change('person.set', person, actor);
    });
  }

  /** @returns who she was. @throws PS_NOT_FOUND; PS_UNAVAILABLE, PS_FLUSH_TIMEOUT */
  remove(name: string, actor: Actor): Promise<Person> {
    return this.#inTurn(async () => {
      await this.load();
      const person = this.#known.find(name)?.person;
      if (!person) throw coded('PS_NOT_FOUND', { path: `people/${name}` });
      return this.#change('person.remove', person, actor);
    });
  }

  async #change(action: 'person.set' | 'person.remove', whom: Person, actor: Actor) {
    const { add, audit, flush } = this.#options;
    const { name, role, organization, properties, email, phone, user } = whom;
    const before = this.#known.find(name);
    const changed: StoredPerson = {
      name,
      person: action === 'person.set' ? whom : undefined,
      // A clock that is behind must not hide the change.
      atMs: Math.max(this.#now(), before?.atMs ?? 0),
      seq: (before?.seq ?? 0) + 1,
    };
    const old = await this.#withAddresses(name);
    add('notification_people', [...old.map(blanked), personRow(changed, actor.author)]);
    const reachedBy = Object.entries({ email, phone, user }).flatMap(([by, at]) => (at ? by : []));
    const detail = { role, properties, reachedBy };
    audit({ ...actor, action, object: name, organizationId: organization, detail });
    this.#known.remember(name, changed);
    await flush();
    await this.#known.untilRead(name);
    return whom;
  }

  /** The rows of a person that still tell how to reach her. */
  async #withAddresses(name: string): Promise<PersonRow[]> {
    const rows = await this.#options.read(
      EVERYTHING,
      sql`SELECT * ${from(people.name)} AND id = ${name}
        AND (email IS NOT NULL OR phone IS NOT NULL OR subject IS NOT NULL)`,
    );
    return rows.map((row) => rowOf(people, row));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}
