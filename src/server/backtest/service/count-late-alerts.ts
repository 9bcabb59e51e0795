import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { Transition } from '../../alerts/evaluation/alert-transition.ts';
import { toLabelsKey } from '../../alerts/evaluation/observation.ts';
import { RuleQueryCache } from '../../alerts/rule-queries/rule-query-cache.ts';
import { isQueryRule, queryRule, runRuleQuery } from '../../alerts/rule-queries/run-rule-query.ts';
import type { AlertRule } from '../../alerts/rules/alert-rule.ts';
import type { AlertSpan } from '../report/alert-spans.ts';

/** Each check runs a query. */
const MAX_CHECKS = 50;
/** Sums of the same rows can differ a little, because QuestDB adds them in any order. */
const TOLERANCE = 1e-9;

/**
 * Counts the stored alerts whose window contains other rows now than when they fired, because rows arrived late. Checks
 * at most 50 alerts.
 *
 * @param missing stored alerts that a replay didn't raise
 * @param transitions the stored transitions of these alerts
 */
export async function countLateAlerts(
  queryClient: QueryClient,
  missing: readonly AlertSpan[],
  transitions: readonly Transition[],
  findRule: (name: string) => AlertRule | undefined,
  healthIntervalMs: number,
): Promise<number> {
  let late = 0;
  for (const { id } of missing.slice(0, MAX_CHECKS)) {
    const fired = transitions
      .filter((transition) => transition.id === id && transition.firedAt !== undefined)
      .sort((a, b) => a.seq - b.seq)[0];
    const rule = fired && findRule(fired.rule);
    if (!fired || !rule || !isQueryRule(rule) || fired.value === undefined) continue;
    const cache = new RuleQueryCache(queryClient, fired.timestamp, healthIntervalMs);
    const result = await runRuleQuery(queryClient, () => queryRule(rule, cache));
    if (result.result !== 'succeeded') continue;
    const found = result.observations.find(({ labels }) => toLabelsKey(labels) === fired.labels);
    if (!isClose(found?.value, fired.value)) late += 1;
  }
  return late;
}

function isClose(a: number | undefined, b: number): boolean {
  return a !== undefined && Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b), 1);
}
