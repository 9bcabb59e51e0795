import { mapLimit } from '../../../core/concurrency.ts';
import { DAY_MS } from '../../../core/duration.ts';
import type { Logger } from '../../../core/log.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import { listEndedServices } from '../evaluation/evaluate-alert-rule.ts';
import { type Observation, toLabelsKey } from '../evaluation/observation.ts';
import { parseTransition, type ReportedGroup } from '../evaluation/rebuild-alert-states.ts';
import { queryMeasure } from '../rule-queries/measure-query.ts';
import { RuleQueryCache } from '../rule-queries/rule-query-cache.ts';
import { type QueryRule, queryRule } from '../rule-queries/run-rule-query.ts';
import { loadLastAlertRows, loadLastHealthTime, loadRecentAlertRows } from './alert-queries.ts';
import type { AlertStateStore } from './alert-state-store.ts';

const MAX_CONCURRENT_QUERIES = 3;
/** With more groups, one query for each of them takes too long. */
const MAX_DETAILED_GROUPS = 500;

export interface AlertStateRestorerOptions {
  readonly queryClient: QueryClient;
  readonly alertStates: AlertStateStore;
  /** Returns the service whose last health row shows when rules were last evaluated. */
  readonly service: () => string;
  readonly startedMs: number;
  /** Called with each transition from before the restart, oldest first. */
  readonly onPastTransition: (transition: Transition) => void;
  readonly healthIntervalMs: number;
  readonly log: Logger;
}

/** Restores the alert states from QuestDB as soon as it responds. */
export class AlertStateRestorer {
  readonly #options: AlertStateRestorerOptions;
  readonly #rulesWithReportedGroups = new Set<string>();
  #isDone = false;

  constructor(options: AlertStateRestorerOptions) {
    this.#options = options;
  }

  /** Whether the states have been restored. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * Restores the states once. Adds the groups of `rules` that sent data within the last day.
   *
   * @param historyMs also restores all transitions within this duration before `now`
   * @returns whether the states are known
   */
  async restore(rules: readonly QueryRule[], now: number, historyMs: number): Promise<boolean> {
    try {
      if (!this.#isDone) await this.#restoreStates(now, historyMs);
      await this.#addReportedGroups(rules, now);
      return true;
    } catch (error) {
      this.#options.log.warn(`The alert states can't be read yet: ${errorMessage(error)}`);
      return this.#isDone;
    }
  }

  async #restoreStates(now: number, historyMs: number): Promise<void> {
    const { queryClient, alertStates, service, startedMs, onPastTransition } = this.#options;
    const [rows, aliveMs, recentRows] = await Promise.all([
      loadLastAlertRows(queryClient, now),
      loadLastHealthTime(queryClient, service(), startedMs),
      loadRecentAlertRows(queryClient, now - historyMs, startedMs),
    ]);
    for (const row of recentRows.toReversed()) {
      const transition = parseTransition(row);
      if (transition) onPastTransition(transition);
    }
    alertStates.restore(rows, now, aliveMs);
    this.#isDone = true;
  }

  /**
   * Adds known groups, so that `noData: alert` applies to groups that stopped sending data before
   * the restart.
   */
  async #addReportedGroups(rules: readonly QueryRule[], now: number): Promise<void> {
    const { queryClient, alertStates, healthIntervalMs } = this.#options;
    for (const rule of rules) {
      if (rule.noData !== 'alert' || this.#rulesWithReportedGroups.has(rule.name)) continue;
      const dayRule = { ...rule, source: { ...rule.source, windowMs: DAY_MS } };
      const cache = new RuleQueryCache(queryClient, now, healthIntervalMs);
      const observations = await queryRule(dayRule, cache);
      const endedServices = listEndedServices(observations);
      const running = observations.filter(
        ({ labels, hasEnded }) => !hasEnded && !endedServices.has(labels.service ?? ''),
      );
      const groups: ReportedGroup[] = [];
      await mapLimit(running, MAX_CONCURRENT_QUERIES, async (observation) => {
        const { labels, newestMs, coveredMs = 0 } = observation;
        const isDetailed = running.length <= MAX_DETAILED_GROUPS;
        const lastRunMs = isDetailed ? await this.#queryLastRun(rule, observation) : coveredMs;
        groups.push({ labels, firstSeenMs: newestMs - lastRunMs, lastSeenMs: newestMs });
      });
      alertStates.addReportedGroups(rule.name, groups);
      this.#rulesWithReportedGroups.add(rule.name);
    }
  }

  /**
   * Returns for how long a group sent data before its newest row, if that is shorter than the rule requires.
   * A script that runs every hour sends data all day, but only for a short time in each run.
   */
  async #queryLastRun(
    { source, noDataMinimumAgeMs, noDataAfterMs }: QueryRule,
    { labels, newestMs, coveredMs = 0 }: Observation,
  ): Promise<number> {
    if (source.kind !== 'measure' || coveredMs < noDataMinimumAgeMs) return coveredMs;
    const { queryClient, healthIntervalMs } = this.#options;
    const filter = Object.fromEntries(Object.entries(labels).map(([name, text]) => [name, [text]]));
    const windowMs = noDataMinimumAgeMs + noDataAfterMs;
    const cache = new RuleQueryCache(queryClient, newestMs + 1, healthIntervalMs);
    const lastRun = { ...source, filter: { ...source.filter, ...filter }, windowMs };
    const found = await queryMeasure(lastRun, cache);
    const run = found.find((each) => toLabelsKey(each.labels) === toLabelsKey(labels));
    const lastRunMs = run?.coveredMs ?? coveredMs;
    return lastRunMs >= noDataMinimumAgeMs ? coveredMs : lastRunMs;
  }
}
