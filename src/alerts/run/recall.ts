import { reasonOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { DAY_MS } from '../../windows/range.ts';
import type { Store } from '../../windows/store.ts';
import { restoredTransition } from '../evaluate/restore.ts';
import type { Transition } from '../evaluate/transition.ts';
import { observe, type StoredRule } from '../observe/observe.ts';
import { Round } from '../observe/round.ts';
import { lastAlerts, lastAlive, recentAlerts } from './restore.ts';
import type { StateBook } from './state-book.ts';

export interface RecallOptions {
  readonly store: Store;
  readonly book: StateBook;
  /** Whose health tells until when rules were evaluated. */
  readonly service: () => string;
  readonly startedMs: number;
  /** Hears what alerts did before the start, the oldest first. */
  readonly onPast: (transition: Transition) => void;
  readonly healthIntervalMs: number;
  readonly log: Log;
}

/** What was known before the process started, read from the database as soon as it answers. */
export class Recall {
  readonly #options: RecallOptions;
  readonly #remembered = new Set<string>();
  #isDone = false;

  constructor(options: RecallOptions) {
    this.#options = options;
  }

  /** Whether the states have been read. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * Reads the states once, and which groups of `rules` have reported within the last day.
   *
   * @param historyMs of this length of time before `now` each change is recalled too
   * @returns whether the states are known
   */
  async read(rules: readonly StoredRule[], now: number, historyMs: number): Promise<boolean> {
    try {
      if (!this.#isDone) await this.#states(now, historyMs);
      await this.#groups(rules, now);
      return true;
    } catch (error) {
      this.#options.log.warn(`The states of alerts could not be read yet: ${reasonOf(error)}`);
      return this.#isDone;
    }
  }

  async #states(now: number, historyMs: number): Promise<void> {
    const { store, book, service, startedMs, onPast } = this.#options;
    const [rows, aliveMs, changes] = await Promise.all([
      lastAlerts(store, now),
      lastAlive(store, service(), startedMs),
      recentAlerts(store, now - historyMs, startedMs),
    ]);
    for (const row of changes.toReversed()) {
      const transition = restoredTransition(row);
      if (transition) onPast(transition);
    }
    book.restore(rows, now, aliveMs);
    this.#isDone = true;
  }

  /** Whose silence matters must be known also when it fell silent before the start. */
  async #groups(rules: readonly StoredRule[], now: number): Promise<void> {
    const { store, book, healthIntervalMs } = this.#options;
    for (const rule of rules) {
      if (rule.noData !== 'alert' || this.#remembered.has(rule.name)) continue;
      const day = { ...rule, source: { ...rule.source, windowMs: DAY_MS } };
      const groups = await observe(day, new Round(store, now, healthIntervalMs));
      const known = groups.map(({ labels, newestMs }) => ({ labels, lastSeenMs: newestMs }));
      book.remember(rule.name, known);
      this.#remembered.add(rule.name);
    }
  }
}
