import { threadKey } from '../deliver/delivery.ts';
import type { Journal } from '../deliver/journal.ts';
import type { Target } from './target.ts';

/** What one target was told of one group of alerts. */
export interface Thread {
  readonly target: Target;
  readonly groupKey: string;
  /** Messages until now: two that say the same are told apart by it. */
  readonly messages: number;
  /** When the last was decided, in ms since the epoch. */
  readonly toldMs: number;
  /** By alert id. */
  readonly told: Readonly<Record<string, ToldState>>;
}

export interface ToldState {
  /** State and severity. */
  readonly said: string;
  /** Whether an attempt was made to tell of it. */
  readonly reached: boolean;
}

/** Whether the target has been told of an alert, and not yet of its end. */
export function goesOn(state: ToldState | undefined): boolean {
  return state !== undefined && !state.said.startsWith('resolved');
}

const KIND = 't';
const PREFIX = `${KIND}:`;

/** All threads that have not ended: they tell where the end of an alert must be told. */
export class Threads {
  readonly #journal: Journal;
  readonly #byKey = new Map<string, Thread>();
  readonly #byGroup = new Map<string, Set<string>>();
  readonly #byAlert = new Map<string, Set<string>>();

  constructor(journal: Journal) {
    this.#journal = journal;
    for (const [key, value] of journal.entries(KIND)) {
      this.#index(key.slice(PREFIX.length), value as Thread);
    }
  }

  get(target: Target, groupKey: string): Thread | undefined {
    return this.#byKey.get(threadKey(target, groupKey));
  }

  ofGroup(groupKey: string): Thread[] {
    return this.#all(this.#byGroup.get(groupKey));
  }

  ofAlert(id: string): Thread[] {
    return this.#all(this.#byAlert.get(id));
  }

  /** Ids of all alerts of which somebody was told, and not yet of their end. */
  get alerts(): Iterable<string> {
    return this.#byAlert.keys();
  }

  put(thread: Thread): void {
    const key = threadKey(thread.target, thread.groupKey);
    this.#unindex(key);
    this.#index(key, thread);
    this.#journal.put(PREFIX + key, thread);
  }

  /** Notes that an attempt is made to tell of `ids`. */
  reach(target: Target, groupKey: string, ids: readonly string[]): void {
    const thread = this.get(target, groupKey);
    if (!thread || !ids.some((id) => thread.told[id]?.reached === false)) return;
    const reached = ids.flatMap((id) => {
      const state = thread.told[id];
      return state ? [[id, { ...state, reached: true }] as const] : [];
    });
    this.put({ ...thread, told: { ...thread.told, ...Object.fromEntries(reached) } });
  }

  /** Forgets alerts whose end was told; a thread without any is over. */
  end(target: Target, groupKey: string, ids: readonly string[]): void {
    const thread = this.get(target, groupKey);
    if (!thread || !ids.some((id) => thread.told[id] !== undefined)) return;
    const rest = Object.entries(thread.told).filter(([id]) => !ids.includes(id));
    if (rest.length > 0) {
      this.put({ ...thread, told: Object.fromEntries(rest) });
      return;
    }
    const key = threadKey(target, groupKey);
    this.#unindex(key);
    this.#journal.drop(PREFIX + key);
  }

  #all(keys: ReadonlySet<string> | undefined): Thread[] {
    return [...(keys ?? [])].flatMap((key) => this.#byKey.get(key) ?? []);
  }

  #index(key: string, thread: Thread): void {
    this.#byKey.set(key, thread);
    addTo(this.#byGroup, thread.groupKey, key);
    for (const id of Object.keys(thread.told)) addTo(this.#byAlert, id, key);
  }

  #unindex(key: string): void {
    const thread = this.#byKey.get(key);
    if (!thread) return;
    this.#byKey.delete(key);
    takeFrom(this.#byGroup, thread.groupKey, key);
    for (const id of Object.keys(thread.told)) takeFrom(this.#byAlert, id, key);
  }
}

function addTo(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  if (keys) keys.add(key);
  else index.set(name, new Set([key]));
}

function takeFrom(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  keys?.delete(key);
  if (keys?.size === 0) index.delete(name);
}
