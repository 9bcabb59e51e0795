import { getThreadKey } from '../delivery/delivery.ts';
import type { NotificationJournal } from '../delivery/notification-journal.ts';
import type { Target } from '../routing/notification-target.ts';

/** What one target was told of one group of alerts. */
export interface NotificationThread {
  readonly target: Target;
  readonly groupKey: string;
  /** Messages until now: two that say the same are told apart by it. */
  readonly messages: number;
  /** When the last was decided, in ms since the epoch. */
  readonly toldMs: number;
  /** By alert id. */
  readonly told: Readonly<Record<string, NotifiedState>>;
}

export interface NotifiedState {
  /** State and severity. */
  readonly said: string;
  /** Whether an attempt was made to tell of it. */
  readonly reached: boolean;
}

/** Whether the target has been told of an alert, and not yet of its end. */
export function isOngoing(state: NotifiedState | undefined): boolean {
  return state !== undefined && !state.said.startsWith('resolved');
}

const JOURNAL_KIND = 't';
const JOURNAL_PREFIX = `${JOURNAL_KIND}:`;

/** All threads that have not ended: they tell where the end of an alert must be told. */
export class NotificationThreadStore {
  readonly #journal: NotificationJournal;
  readonly #byKey = new Map<string, NotificationThread>();
  readonly #byGroup = new Map<string, Set<string>>();
  readonly #byAlert = new Map<string, Set<string>>();

  constructor(journal: NotificationJournal) {
    this.#journal = journal;
    for (const [key, value] of journal.entries(JOURNAL_KIND)) {
      this.#index(key.slice(JOURNAL_PREFIX.length), value as NotificationThread);
    }
  }

  get(target: Target, groupKey: string): NotificationThread | undefined {
    return this.#byKey.get(getThreadKey(target, groupKey));
  }

  listByGroup(groupKey: string): NotificationThread[] {
    return this.#getAll(this.#byGroup.get(groupKey));
  }

  listByAlert(id: string): NotificationThread[] {
    return this.#getAll(this.#byAlert.get(id));
  }

  /** Ids of all alerts of which somebody was told, and not yet of their end. */
  get ongoingAlertIds(): Iterable<string> {
    return this.#byAlert.keys();
  }

  put(thread: NotificationThread): void {
    const key = getThreadKey(thread.target, thread.groupKey);
    this.#unindex(key);
    this.#index(key, thread);
    this.#journal.put(JOURNAL_PREFIX + key, thread);
  }

  /** Notes that an attempt is made to tell of `ids`. */
  markAttempted(target: Target, groupKey: string, ids: readonly string[]): void {
    const thread = this.get(target, groupKey);
    if (!thread || !ids.some((id) => thread.told[id]?.reached === false)) return;
    const reached = ids.flatMap((id) => {
      const state = thread.told[id];
      return state ? [[id, { ...state, reached: true }] as const] : [];
    });
    this.put({ ...thread, told: { ...thread.told, ...Object.fromEntries(reached) } });
  }

  /** Forgets alerts whose end was told; a thread without any is over. */
  removeAlerts(target: Target, groupKey: string, ids: readonly string[]): void {
    const thread = this.get(target, groupKey);
    if (!thread || !ids.some((id) => thread.told[id] !== undefined)) return;
    const rest = Object.entries(thread.told).filter(([id]) => !ids.includes(id));
    if (rest.length > 0) {
      this.put({ ...thread, told: Object.fromEntries(rest) });
      return;
    }
    const key = getThreadKey(target, groupKey);
    this.#unindex(key);
    this.#journal.delete(JOURNAL_PREFIX + key);
  }

  #getAll(keys: ReadonlySet<string> | undefined): NotificationThread[] {
    return [...(keys ?? [])].flatMap((key) => this.#byKey.get(key) ?? []);
  }

  #index(key: string, thread: NotificationThread): void {
    this.#byKey.set(key, thread);
    addToIndex(this.#byGroup, thread.groupKey, key);
    for (const id of Object.keys(thread.told)) addToIndex(this.#byAlert, id, key);
  }

  #unindex(key: string): void {
    const thread = this.#byKey.get(key);
    if (!thread) return;
    this.#byKey.delete(key);
    removeFromIndex(this.#byGroup, thread.groupKey, key);
    for (const id of Object.keys(thread.told)) removeFromIndex(this.#byAlert, id, key);
  }
}

function addToIndex(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  if (keys) keys.add(key);
  else index.set(name, new Set([key]));
}

function removeFromIndex(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  keys?.delete(key);
  if (keys?.size === 0) index.delete(name);
}
