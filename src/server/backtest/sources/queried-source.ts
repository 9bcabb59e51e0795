import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { RuleQueryCache } from '../../alerts/rule-queries/rule-query-cache.ts';
import { type QueryRule, queryRule } from '../../alerts/rule-queries/run-rule-query.ts';
import type { ReplaySource } from './replay-source.ts';

/** Creates a source that runs the statements of a rule at each evaluation. */
export function createQueriedSource(
  rule: QueryRule,
  queryClient: QueryClient,
  healthIntervalMs: number,
): ReplaySource {
  return {
    precision: [],
    observe: (now) => queryRule(rule, new RuleQueryCache(queryClient, now, healthIntervalMs)),
  };
}
