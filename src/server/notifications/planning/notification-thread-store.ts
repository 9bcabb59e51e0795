import type { Alert } from '../../../core/alerts/alert.ts';
import { getThreadKey } from '../delivery/delivery-record.ts';
import type { JournalEntries } from '../delivery/notification-journal.ts';
import type { Target } from '../routing/notification-target.ts';

/** The messages to one target about one group of alerts. */
export interface NotificationThread {
  readonly target: Target;
  readonly groupKey: string;
  /** Number of messages so far. It makes the IDs of repeated messages unique. */
  readonly messageCount: number;
  /** When the last message was planned, in ms since the epoch. */
  readonly lastMessageMs: number;
  /** The last notified state of each alert, by alert ID. */
  readonly notified: Readonly<Record<string, NotifiedState>>;
  /** Resolved alerts for the thread's next message, by ID. */
  readonly resolved: Readonly<Record<string, Alert>>;
}

export interface NotifiedState {
  /** State and severity, from `toAlertStateKey`. */
  readonly stateKey: string;
  /** Whether at least one attempt was made to send a message about the alert. */
  readonly attempted: boolean;
}

/**
 * Returns whether a message about the alert was planned, but no message yet about its resolution.
 */
export function isOngoing(state: NotifiedState | undefined): boolean {
  return state !== undefined && !state.stateKey.startsWith('resolved');
}

const JOURNAL_KIND = 't';
const JOURNAL_PREFIX = `${JOURNAL_KIND}:`;

/** Threads with unresolved alerts. They determine who is notified when an alert is resolved. */
export class NotificationThreadStore {
  readonly #journal: JournalEntries;
  readonly #byKey = new Map<string, NotificationThread>();
  readonly #byGroup = new Map<string, Set<string>>();
  readonly #byAlert = new Map<string, Set<string>>();

  constructor(journal: JournalEntries) {
    this.#journal = journal;
    for (const [key, value] of journal.entries(JOURNAL_KIND)) {
      this.#index(key.slice(JOURNAL_PREFIX.length), fromJournal(value as JournalThread));
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

  /** IDs of all alerts in threads. */
  get ongoingAlertIds(): Iterable<string> {
    return this.#byAlert.keys();
  }

  put(thread: NotificationThread): void {
    const key = getThreadKey(thread.target, thread.groupKey);
    this.#unindex(key);
    this.#index(key, thread);
    this.#journal.put(JOURNAL_PREFIX + key, toJournal(thread));
  }

  /** Records that an attempt to send a message about these alerts starts. */
  markAttempted(target: Target, groupKey: string, ids: readonly string[]): void {
    const thread = this.get(target, groupKey);
    if (!thread || !ids.some((id) => thread.notified[id]?.attempted === false)) return;
    const states = ids.flatMap((id): [string, NotifiedState][] => {
      const state = thread.notified[id];
      return state ? [[id, { ...state, attempted: true }]] : [];
    });
    this.put({ ...thread, notified: { ...thread.notified, ...Object.fromEntries(states) } });
  }

  /** Removes resolved alerts. A thread without alerts is deleted. */
  removeAlerts(target: Target, groupKey: string, ids: readonly string[]): void {
    const thread = this.get(target, groupKey);
    if (!thread || !ids.some((id) => thread.notified[id] !== undefined)) return;
    const rest = Object.entries(thread.notified).filter(([id]) => !ids.includes(id));
    if (rest.length > 0) {
      const waiting = Object.entries(thread.resolved).filter(([id]) => !ids.includes(id));
      this.put({
        ...thread,
        notified: Object.fromEntries(rest),
        resolved: Object.fromEntries(waiting),
      });
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
    for (const id of Object.keys(thread.notified)) addToIndex(this.#byAlert, id, key);
  }

  #unindex(key: string): void {
    const thread = this.#byKey.get(key);
    if (!thread) return;
    this.#byKey.delete(key);
    removeFromIndex(this.#byGroup, thread.groupKey, key);
    for (const id of Object.keys(thread.notified)) removeFromIndex(this.#byAlert, id, key);
  }
}

/** A thread in the journal. These field names must not change. */
interface JournalThread {
  readonly target: Target;
  readonly groupKey: string;
  readonly messages: number;
  readonly toldMs: number;
  readonly told: Readonly<Record<string, { readonly said: string; readonly reached: boolean }>>;
  /** Missing in journals of earlier versions. */
  readonly resolved?: Readonly<Record<string, Alert>> | undefined;
}

function fromJournal({ target, groupKey, messages, toldMs, told, resolved = {} }: JournalThread) {
  const states = Object.entries(told).map(([id, { said, reached }]): [string, NotifiedState] => [
    id,
    { stateKey: said, attempted: reached },
  ]);
  return {
    target,
    groupKey,
    messageCount: messages,
    lastMessageMs: toldMs,
    notified: Object.fromEntries(states),
    resolved,
  } satisfies NotificationThread;
}

function toJournal({
  target,
  groupKey,
  messageCount,
  lastMessageMs,
  notified,
  resolved,
}: NotificationThread): JournalThread {
  const states = Object.entries(notified).map(([id, { stateKey, attempted }]) => [
    id,
    { said: stateKey, reached: attempted },
  ]);
  return {
    target,
    groupKey,
    messages: messageCount,
    toldMs: lastMessageMs,
    told: Object.fromEntries(states),
    ...(Object.keys(resolved).length > 0 && { resolved }),
  };
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
