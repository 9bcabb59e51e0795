import { parseRequestValue } from '../../../core/config-files/config-validation.ts';
import { createError } from '../../../core/perfscope-error.ts';
import type { Person } from '../../../core/person-and-roles.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import { type PersonRow, peopleTable } from '../../../core/schema/tables/people-table.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { toTableRow } from '../../../storage/queries/row-values.ts';
import type { ReadRows, Row } from '../../../storage/questdb/postgres-wire-reader.ts';
import { StateTableCache } from '../../../storage/questdb/state-table-cache.ts';
import { fromTable, sql } from '../../../storage/sql/sql-builder.ts';
import type { Actor } from '../../access/api-key-store.ts';
import type { AuditLogger } from '../../access/audit-logger.ts';
import { assertWithinQuota, type Quota } from '../../access/quota.ts';
import { personSchema } from '../config/notification-file-schema.ts';

/** The last change of one person. */
export interface StoredPerson {
  readonly name: string;
  /** Undefined if the person was removed. */
  readonly person: Person | undefined;
  readonly atMs: number;
  readonly seq: number;
}

/** Converts a change to a row. */
function toPersonRow({ name, person, atMs, seq }: StoredPerson, author: string): PersonRow {
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

/** Removes the addresses from a row. The result has the same dedup keys, so it replaces the row. */
function withoutAddresses(row: PersonRow): PersonRow {
  return { ...row, email: undefined, phone: undefined, subject: undefined };
}

/**
 * Converts rows, sorted by timestamp and seq, to the last change of each person. An invalid row counts
 * as a removal, so that no message is sent to an address that the notification file would reject.
 */
function parsePeopleRows(rows: readonly Row[]): Map<string, StoredPerson> {
  const changes = rows.map((row) => parsePersonRow(toTableRow(peopleTable, row)));
  return new Map(changes.map((change) => [change.name, change]));
}

function parsePersonRow(row: PersonRow): StoredPerson {
  const { id: name = '', seq = 0, timestamp: atMs, state } = row;
  const { role, organizationId: organization, email, phone, subject: user } = row;
  const properties = parseProperties(row.properties);
  const entry = { name, role, organization, properties, email, phone, user };
  const parsed = personSchema.safeParse(entry);
  const isValid = state === 'active' && properties !== null && parsed.success;
  return { name, atMs, seq, person: isValid ? parsed.data : undefined };
}

/** Parses the list of properties. Returns `null` if it is invalid. */
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
  /** Resolves when all added rows are stored. */
  readonly flush: () => Promise<void>;
  readonly audit: AuditLogger;
  readonly now?: () => number;
}

/** The total is the same as in the notification file. Only an ADMIN can add people. */
const PEOPLE_QUOTA: Quota = {
  what: 'people',
  perKey: 10_000,
  perOrganization: 2000,
  perServer: 10_000,
};
const ALL_PEOPLE_SQL = sql`SELECT * ${fromTable(peopleTable.name)} ORDER BY timestamp, seq`;

/** Returns the current people that were added through the API. @throws PS_UNAVAILABLE */
export async function loadStoredPeople(read: ReadRows): Promise<Person[]> {
  const changes = parsePeopleRows(await read(UNRESTRICTED_SCOPE, ALL_PEOPLE_SQL));
  return [...changes.values()].flatMap(({ person }) => person ?? []);
}

/** The people added through the API. They are stored in QuestDB, and all servers share them. */
export class PeopleStore {
  readonly #options: PeopleStoreOptions;
  readonly #now: () => number;
  readonly #rows: StateTableCache<StoredPerson>;
  #cached: { changes: readonly StoredPerson[]; people: readonly Person[] } = {
    changes: [],
    people: [],
  };
  /** Changes run one at a time, because each change depends on the previous change. */
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
      isStored: (local, { atMs, seq }) =>
        atMs > local.atMs || (atMs === local.atMs && seq >= local.seq),
    });
  }

  /** Reads all people from QuestDB. @throws PS_UNAVAILABLE */
  load(): Promise<void> {
    return this.#rows.refresh();
  }

  /** Starts to poll for changes by other servers. */
  watch(): void {
    this.#rows.startPolling();
  }

  close(): void {
    this.#rows.close();
  }

  /** Whether the people have been read at least once. */
  get isLoaded(): boolean {
    return this.#rows.lastReadMs !== undefined;
  }

  /** All current people. Returns the same array until something changes. */
  get people(): readonly Person[] {
    const { values: changes } = this.#rows;
    if (this.#cached.changes !== changes) {
      this.#cached = { changes, people: changes.flatMap(({ person }) => person ?? []) };
    }
    return this.#cached.people;
  }

  /**
   * Adds a person, or replaces the person with the same name. Resolves when other servers can read the
   * change.
   *
   * @throws PS_REQUEST_INVALID if the person is invalid; PS_QUOTA_REACHED if there are too many people;
   *   PS_UNAVAILABLE or PS_FLUSH_TIMEOUT if QuestDB is unreachable
   */
  set(entry: object, actor: Actor): Promise<Person> {
    const person = parseRequestValue(personSchema, entry);
    return this.#enqueue(async () => {
      await this.load();
      const others = this.people.filter(({ name }) => name !== person.name);
      const { organization } = person;
      const owned = others.map((other) => ({
        author: undefined,
        organization: other.organization,
      }));
      assertWithinQuota(PEOPLE_QUOTA, owned, { author: undefined, organization }, 'Remove people');
      return this.#change('person.set', person, actor);
    });
  }

  /** Removes a person and returns the entry. @throws PS_NOT_FOUND, PS_UNAVAILABLE, PS_FLUSH_TIMEOUT */
  remove(name: string, actor: Actor): Promise<Person> {
    return this.#enqueue(async () => {
      await this.load();
      const person = this.#rows.find(name)?.person;
      if (!person) throw createError('PS_NOT_FOUND', { item: 'person', id: name });
      return this.#change('person.remove', person, actor);
    });
  }

  async #change(action: 'person.set' | 'person.remove', person: Person, actor: Actor) {
    const { add, audit, flush } = this.#options;
    const { name, role, organization, properties, email, phone, user } = person;
    const before = this.#rows.find(name);
    const change: StoredPerson = {
      name,
      person: action === 'person.set' ? person : undefined,
      // If this server's clock is behind, the change must still be the newest.
      atMs: Math.max(this.#now(), before?.atMs ?? 0),
      seq: (before?.seq ?? 0) + 1,
    };
    const oldRows = await this.#readRowsWithAddresses(name);
    add('notification_people', [
      ...oldRows.map(withoutAddresses),
      toPersonRow(change, actor.author),
    ]);
    const reachedBy = Object.entries({ email, phone, user }).flatMap(([field, value]) =>
      value ? field : [],
    );
    const detail = { role, properties, reachedBy };
    audit({ ...actor, action, object: name, organizationId: organization, detail });
    this.#rows.setLocal(name, change);
    await flush();
    await this.#rows.waitUntilStored(name);
    return person;
  }

  /** Returns the rows of a person that still contain addresses. */
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
