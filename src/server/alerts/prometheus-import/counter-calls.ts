import type { Grouping } from './label-mapping.ts';
import type { OperationCounter } from './operation-quantities.ts';
import { findKnownMetric } from './prometheus-metrics.ts';
import type { PromqlExpression } from './promql-expression.ts';
import { LOOKBACK_MS } from './quantity.ts';

/** Functions that compute the increase of a counter. */
export const COUNTER_FUNCTIONS: ReadonlySet<string> = new Set(['rate', 'increase', 'irate']);
/** Returns the argument of `sum`, and its grouping. Returns other expressions unchanged. */
export function unwrapSum(expression: PromqlExpression): {
  expression: PromqlExpression;
  grouping: Grouping | undefined;
} {
  const isSum =
    expression.kind === 'aggregation' && expression.op === 'sum' && expression.args.length === 1;
  if (!isSum) return { expression, grouping: undefined };
  const { labels, isWithout, args } = expression;
  return { expression: args[0]!, grouping: { labels, isWithout } };
}

/** Returns the counter of operations behind `sum(rate(…))`, or undefined for other expressions. */
export function findOperationCounter(expression: PromqlExpression): OperationCounter | undefined {
  const { expression: call, grouping } = unwrapSum(expression);
  if (call.kind !== 'call' || !COUNTER_FUNCTIONS.has(call.name)) return undefined;
  const [selector] = call.args;
  if (selector?.kind !== 'selector') return undefined;
  const metric = findKnownMetric(selector.metric);
  if (metric?.kind !== 'operation') return undefined;
  return { metric, selector, grouping, fn: call.name, windowMs: selector.rangeMs ?? LOOKBACK_MS };
}
