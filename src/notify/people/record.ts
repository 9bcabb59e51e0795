import { z } from 'zod';
import { coded } from '../../errors.ts';
import type { Row } from '../../questdb/reader.ts';
import { type PersonRow, people } from '../../schema/people.ts';
import { rowOf } from '../../windows/row.ts';
import { personEntry } from '../plan/person.ts';
import type { Person } from '../plan/plan.ts';

/** The last change of one person: who she is since then, or that she was removed. */
export interface StoredPerson {
  readonly name: string;
  readonly person: Person | undefined;
  readonly atMs: number;
  readonly seq: number;
}

/** Reads whom somebody asks for, as the file would. @throws PS_REQUEST_INVALID, without addresses */
export function readPerson(entry: object): Person {
  const parsed = personEntry.safeParse(entry);
  if (parsed.success) return parsed.data;
  throw coded('PS_REQUEST_INVALID', { reason: z.prettifyError(parsed.error) });
}

/** The row of a change. */
export function personRow({ name, person, atMs, seq }: StoredPerson, author: string): PersonRow {
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
export function blanked(row: PersonRow): PersonRow {
  return { ...row, email: undefined, phone: undefined, subject: undefined };
}

/**
 * The people of all rows, which come in the order of (timestamp, seq). A row that makes no sense is
 * one of nobody: no message goes to an address that the file would refuse.
 */
export function peopleOf(rows: readonly Row[]): Map<string, StoredPerson> {
  const found = rows.map((row) => storedOf(rowOf(people, row)));
  return new Map(found.map((each) => [each.name, each]));
}

function storedOf(row: PersonRow): StoredPerson {
  const { id: name = '', seq = 0, timestamp: atMs, state } = row;
  const { role, organizationId: organization, email, phone, subject: user } = row;
  const properties = listOf(row.properties);
  const entry = { name, role, organization, properties, email, phone, user };
  const parsed = personEntry.safeParse(entry);
  const isThere = state === 'active' && properties !== null && parsed.success;
  return { name, atMs, seq, person: isThere ? parsed.data : undefined };
}

/** @returns null when it can't be read */
function listOf(json: string | undefined): unknown {
  if (json === undefined || json === '') return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
