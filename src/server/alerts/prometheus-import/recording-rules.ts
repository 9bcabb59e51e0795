import type { LabelMatcher, PromqlExpression, Selector } from './promql-expression.ts';
import { UntranslatableError } from './quantity.ts';

/** The expressions of recording rules, by the name of their series. */
export type RecordingRules = ReadonlyMap<string, PromqlExpression>;

/** Recording rules can refer to each other. */
const MAX_DEPTH = 20;

/**
 * Replaces the series of recording rules by their expressions. Matchers apply to all metrics of the
 * expression.
 *
 * @param onUse called with the name of each recording rule that is used
 * @throws UntranslatableError if recording rules refer to each other in a circle
 */
export function resolveRecordingRules(
  expression: PromqlExpression,
  rules: RecordingRules,
  onUse: (name: string) => void,
  depth = 0,
): PromqlExpression {
  if (depth > MAX_DEPTH) {
    throw new UntranslatableError('recording rules refer to each other', 'correct the expressions');
  }
  const resolve = (part: PromqlExpression) => resolveRecordingRules(part, rules, onUse, depth);
  switch (expression.kind) {
    case 'selector': {
      const recorded = rules.get(expression.metric);
      if (recorded === undefined || expression.rangeMs !== undefined) return expression;
      onUse(expression.metric);
      const limited = addMatchers(recorded, expression.matchers);
      return resolveRecordingRules(limited, rules, onUse, depth + 1);
    }
    case 'call':
    case 'aggregation':
      return { ...expression, args: expression.args.map(resolve) };
    case 'binary':
      return { ...expression, left: resolve(expression.left), right: resolve(expression.right) };
    default:
      return expression;
  }
}

function addMatchers(
  expression: PromqlExpression,
  matchers: readonly LabelMatcher[],
): PromqlExpression {
  const add = (part: PromqlExpression) => addMatchers(part, matchers);
  switch (expression.kind) {
    case 'selector':
      return { ...expression, matchers: [...expression.matchers, ...matchers] } satisfies Selector;
    case 'call':
    case 'aggregation':
      return { ...expression, args: expression.args.map(add) };
    case 'binary':
      return { ...expression, left: add(expression.left), right: add(expression.right) };
    default:
      return expression;
  }
}
