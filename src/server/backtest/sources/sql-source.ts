import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { RuleQueryCache } from '../../alerts/rule-queries/rule-query-cache.ts';
import { type QueryRule, queryRule } from '../../alerts/rule-queries/run-rule-query.ts';
import type { ReplaySource } from './replay-source.ts';

/** Creates the source of a SQL rule. It runs the rule's statement at each evaluation. */
export function createSqlSource(
  rule: QueryRule,
  queryClient: QueryClient,
  healthIntervalMs: number,
): ReplaySource {
  return {
    precision: [],
    observe: (now) => queryRule(rule, new RuleQueryCache(queryClient, now, healthIntervalMs)),
  };
}
