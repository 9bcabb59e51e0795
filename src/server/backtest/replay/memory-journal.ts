import type { JournalEntries } from '../../notifications/delivery/notification-journal.ts';

/** Keeps the state of notifications in memory, for a replay that sends nothing. */
export class MemoryJournal implements JournalEntries {
  /** Values by kind, which is the part of the key before the first colon. */
  readonly #values = new Map<string, Map<string, unknown>>();

  get(key: string): unknown {
    return this.#values.get(getKind(key))?.get(key);
  }

  entries(kind: string): readonly (readonly [string, unknown])[] {
    return [...(this.#values.get(kind) ?? [])];
  }

  put(key: string, value: object): void {
    const kind = getKind(key);
    const values = this.#values.get(kind) ?? new Map<string, unknown>();
    this.#values.set(kind, values.set(key, value));
  }

  delete(key: string): void {
    this.#values.get(getKind(key))?.delete(key);
  }
}

function getKind(key: string): string {
  return key.slice(0, key.indexOf(':'));
}
