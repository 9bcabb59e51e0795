import { DAY_MS } from '../../../core/duration.ts';
import { errorMessage } from '../../../core/errors.ts';
import type { Logger } from '../../../core/log.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import { parseTransition } from '../evaluation/rebuild-alert-states.ts';
import { RuleQueryCache } from '../rule-queries/rule-query-cache.ts';
import { type QueryRule, queryRule } from '../rule-queries/run-rule-query.ts';
import { loadLastAlertRows, loadLastHealthTime, loadRecentAlertRows } from './alert-queries.ts';
import type { AlertStateStore } from './alert-state-store.ts';

export interface AlertStateRestorerOptions {
  readonly queryClient: QueryClient;
  readonly alertStates: AlertStateStore;
  /** Whose health tells until when rules were evaluated. */
  readonly service: () => string;
  readonly startedMs: number;
  /** Hears what alerts did before the start, the oldest first. */
  readonly onPastTransition: (transition: Transition) => void;
  readonly healthIntervalMs: number;
  readonly log: Logger;
}

/** What was known before the process started, read from the database as soon as it answers. */
export class AlertStateRestorer {
  readonly #options: AlertStateRestorerOptions;
  readonly #rulesWithReportedGroups = new Set<string>();
  #isDone = false;

  constructor(options: AlertStateRestorerOptions) {
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
  async restore(rules: readonly QueryRule[], now: number, historyMs: number): Promise<boolean> {
    try {
      if (!this.#isDone) await this.#restoreStates(now, historyMs);
      await this.#addReportedGroups(rules, now);
      return true;
    } catch (error) {
      this.#options.log.warn(`The states of alerts could not be read yet: ${errorMessage(error)}`);
      return this.#isDone;
    }
  }

  async #restoreStates(now: number, historyMs: number): Promise<void> {
    const {
      queryClient: store,
      alertStates: book,
      service,
      startedMs,
      onPastTransition: onPast,
    } = this.#options;
    const [rows, aliveMs, changes] = await Promise.all([
      loadLastAlertRows(store, now),
      loadLastHealthTime(store, service(), startedMs),
      loadRecentAlertRows(store, now - historyMs, startedMs),
    ]);
    for (const row of changes.toReversed()) {
      const transition = parseTransition(row);
      if (transition) onPast(transition);
    }
    book.restore(rows, now, aliveMs);
    this.#isDone = true;
  }

  /** Whose silence matters must be known also when it fell silent before the start. */
  async #addReportedGroups(rules: readonly QueryRule[], now: number): Promise<void> {
    const { queryClient: store, alertStates: book, healthIntervalMs } = this.#options;
    for (const rule of rules) {
      if (rule.noData !== 'alert' || this.#rulesWithReportedGroups.has(rule.name)) continue;
      const day = { ...rule, source: { ...rule.source, windowMs: DAY_MS } };
      const groups = await queryRule(day, new RuleQueryCache(store, now, healthIntervalMs));
      const known = groups.map(({ labels, newestMs }) => ({ labels, lastSeenMs: newestMs }));
      book.addReportedGroups(rule.name, known);
      this.#rulesWithReportedGroups.add(rule.name);
    }
  }
}
