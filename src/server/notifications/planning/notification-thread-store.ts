import { getThreadKey } from '../delivery/delivery.ts';
import type { NotificationJournal } from '../delivery/notification-journal.ts';
import type { Target } from '../routing/notification-target.ts';

/**
 * The messages to one target about one group of alerts. Threads are stored in the journal, so field
 * names must not change.
 */
export interface NotificationThread {
  readonly target: Target;
  readonly groupKey: string;
  /** Number of messages so far. It makes the ids of repeated messages unique. */
  readonly messages: number;
  /** When the last message was planned, in ms since the epoch. */
  readonly toldMs: number;
  /** The last notified state of each alert, by alert id. */
  readonly told: Readonly<Record<string, NotifiedState>>;
}

export interface NotifiedState {
  /** State and severity, from `toAlertStateKey`. */
  readonly said: string;
  /** Whether at least one attempt was made to send a message about the alert. */
  readonly reached: boolean;
}

/** Returns whether a message about the alert was planned, but none that it is resolved. */
export function isOngoing(state: NotifiedState | undefined): boolean {
  return state !== undefined && !state.said.startsWith('resolved');
}

const JOURNAL_KIND = 't';
const JOURNAL_PREFIX = `${JOURNAL_KIND}:`;

/** Threads with unresolved alerts. They determine who is notified when an alert is resolved. */
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

  /** Ids of all alerts in threads. */
  get ongoingAlertIds(): Iterable<string> {
    return this.#byAlert.keys();
  }

  put(thread: NotificationThread): void {
    const key = getThreadKey(thread.target, thread.groupKey);
    this.#unindex(key);
    this.#index(key, thread);
    this.#journal.put(JOURNAL_PREFIX + key, thread);
  }

  /** Records that an attempt to send a message about these alerts starts. */
  markAttempted(target: Target, groupKey: string, ids: readonly string[]): void {
    const thread = this.get(target, groupKey);
    if (!thread || !ids.some((id) => thread.told[id]?.reached === false)) return;
    const attempted = ids.flatMap((id) => {
      const state = thread.told[id];
      return state ? [[id, { ...state, reached: true }] as const] : [];
    });
    this.put({ ...thread, told: { ...thread.told, ...Object.fromEntries(attempted) } });
  }

  /** Removes resolved alerts. A thread without alerts is deleted. */
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
