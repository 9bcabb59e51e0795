import { z } from 'zod';
import { createError } from '../../../core/errors.ts';
import type { Person } from '../../../core/people.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import { type PersonRow, peopleTable } from '../../../core/schema/tables/people-table.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { toTableRow } from '../../../storage/queries/row-values.ts';
import type { ReadRows, Row } from '../../../storage/questdb/questdb-reader.ts';
import { StateTableCache } from '../../../storage/questdb/state-table-cache.ts';
import { fromTable, sql } from '../../../storage/sql/sql-builder.ts';
import type { Actor } from '../../access/api-key-store.ts';
import type { AuditLogger } from '../../access/audit-logger.ts';
import { personSchema } from '../config/notification-file-schema.ts';

/** The last change of one person: who she is since then, or that she was removed. */
export interface StoredPerson {
  readonly name: string;
  readonly person: Person | undefined;
  readonly atMs: number;
  readonly seq: number;
}

/** Reads whom somebody asks for, as the file would. @throws PS_REQUEST_INVALID, without addresses */
export function parsePerson(entry: object): Person {
  const parsed = personSchema.safeParse(entry);
  if (parsed.success) return parsed.data;
  throw createError('PS_REQUEST_INVALID', { reason: z.prettifyError(parsed.error) });
}

/** The row of a change. */
export function toPersonRow({ name, person, atMs, seq }: StoredPerson, author: string): PersonRow {
  const base = { timestamp: atMs, id: name, seq, author };
  if (!person) return { ...base, state: 'removed' };
  const { role, organization, properties, email, phone, user } = person;
  return {
    ...base,
    state: 'active',
    role,
    organizationId: organization,
    email,
    phone,
    subject: user,
    properties: properties ? JSON.stringify(properties) : '',
  };
}

/** The same row without what only the present state needs: stored under its keys, it replaces it. */
export function withoutAddresses(row: PersonRow): PersonRow {
  return { ...row, email: undefined, phone: undefined, subject: undefined };
}

/**
 * The people of all rows, which come in the order of (timestamp, seq). A row that makes no sense is
 * one of nobody: no message goes to an address that the file would refuse.
 */
export function parsePeopleRows(rows: readonly Row[]): Map<string, StoredPerson> {
  const found = rows.map((row) => parsePersonRow(toTableRow(peopleTable, row)));
  return new Map(found.map((each) => [each.name, each]));
}

function parsePersonRow(row: PersonRow): StoredPerson {
  const { id: name = '', seq = 0, timestamp: atMs, state } = row;
  const { role, organizationId: organization, email, phone, subject: user } = row;
  const properties = parseProperties(row.properties);
  const entry = { name, role, organization, properties, email, phone, user };
  const parsed = personSchema.safeParse(entry);
  const isThere = state === 'active' && properties !== null && parsed.success;
  return { name, atMs, seq, person: isThere ? parsed.data : undefined };
}

/** @returns null when it can't be read */
function parseProperties(json: string | undefined): unknown {
  if (json === undefined || json === '') return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

export interface PeopleStoreOptions {
  readonly read: ReadRows;
  readonly add: AddRows;
  /** Resolves when what was added is stored. */
  readonly flush: () => Promise<void>;
  readonly audit: AuditLogger;
  readonly now?: () => number;
}

/** As many as a file may have. */
const MAX_PEOPLE = 10_000;
const ALL_PEOPLE_SQL = sql`SELECT * ${fromTable(peopleTable.name)} ORDER BY timestamp, seq`;

/** The people that the API has named, as they are now. @throws PS_UNAVAILABLE */
export async function loadStoredPeople(read: ReadRows): Promise<Person[]> {
  const known = parsePeopleRows(await read(UNRESTRICTED_SCOPE, ALL_PEOPLE_SQL));
  return [...known.values()].flatMap(({ person }) => person ?? []);
}

/** The people that the API has named: stored, so that every server knows them, also after a restart. */
export class PeopleStore {
  readonly #options: PeopleStoreOptions;
  readonly #now: () => number;
  readonly #rows: StateTableCache<StoredPerson>;
  #cached: { of: readonly StoredPerson[]; people: readonly Person[] } = { of: [], people: [] };
  /** One change after another: each needs to know those before. */
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(options: PeopleStoreOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#rows = new StateTableCache({
      read: options.read,
      now: this.#now,
      table: peopleTable.name,
      selectAll: ALL_PEOPLE_SQL,
      parseRows: parsePeopleRows,
      isStored: (own, { atMs, seq }) => atMs > own.atMs || (atMs === own.atMs && seq >= own.seq),
    });
  }

  /** Reads all of them. @throws PS_UNAVAILABLE */
  load(): Promise<void> {
    return this.#rows.refresh();
  }

  /** Keeps them up to date. */
  watch(): void {
    this.#rows.startPolling();
  }

  close(): void {
    this.#rows.close();
  }

  /** Whether they have been read: before that, nobody can say who is not among them. */
  get isLoaded(): boolean {
    return this.#rows.lastReadMs !== undefined;
  }

  /** The same array as long as nobody has changed. */
  get people(): readonly Person[] {
    const { values: all } = this.#rows;
    if (this.#cached.of !== all) {
      this.#cached = { of: all, people: all.flatMap(({ person }) => person ?? []) };
    }
    return this.#cached.people;
  }

  /**
   * Names somebody, or replaces whoever has her name; returns when every server can find her.
   *
   * @throws PS_REQUEST_INVALID; PS_UNAVAILABLE, PS_FLUSH_TIMEOUT while QuestDB is away
   */
  set(entry: object, actor: Actor): Promise<Person> {
    const person = parsePerson(entry);
    return this.#enqueue(async () => {
      await this.load();
      const isNew = this.#rows.find(person.name)?.person === undefined;
      if (isNew && this.people.length >= MAX_PEOPLE) {
        throw createError('PS_REQUEST_INVALID', {
          reason: `there are ${MAX_PEOPLE} people already`,
        });
      }
      return this.#change('person.set', person, actor);
    });
  }

  /** @returns who she was. @throws PS_NOT_FOUND; PS_UNAVAILABLE, PS_FLUSH_TIMEOUT */
  remove(name: string, actor: Actor): Promise<Person> {
    return this.#enqueue(async () => {
      await this.load();
      const person = this.#rows.find(name)?.person;
      if (!person) throw createError('PS_NOT_FOUND', { path: `people/${name}` });
      return this.#change('person.remove', person, actor);
    });
  }

  async #change(action: 'person.set' | 'person.remove', whom: Person, actor: Actor) {
    const { add, audit, flush } = this.#options;
    const { name, role, organization, properties, email, phone, user } = whom;
    const before = this.#rows.find(name);
    const changed: StoredPerson = {
      name,
      person: action === 'person.set' ? whom : undefined,
      // A clock that is behind must not hide the change.
      atMs: Math.max(this.#now(), before?.atMs ?? 0),
      seq: (before?.seq ?? 0) + 1,
    };
    const old = await this.#readRowsWithAddresses(name);
    add('notification_people', [...old.map(withoutAddresses), toPersonRow(changed, actor.author)]);
    const reachedBy = Object.entries({ email, phone, user }).flatMap(([by, at]) => (at ? by : []));
    const detail = { role, properties, reachedBy };
    audit({ ...actor, action, object: name, organizationId: organization, detail });
    this.#rows.setLocal(name, changed);
    await flush();
    await this.#rows.waitUntilStored(name);
    return whom;
  }

  /** The rows of a person that still tell how to reach her. */
  async #readRowsWithAddresses(name: string): Promise<PersonRow[]> {
    const rows = await this.#options.read(
      UNRESTRICTED_SCOPE,
      sql`SELECT * ${fromTable(peopleTable.name)} AND id = ${name}
        AND (email IS NOT NULL OR phone IS NOT NULL OR subject IS NOT NULL)`,
    );
    return rows.map((row) => toTableRow(peopleTable, row));
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lastChange.then(work);
    this.#lastChange = done.catch(() => {});
    return done;
  }
}
