import type { AlertSeverity } from '../../../core/schema/enums.ts';
import { mapGrouping, mapMatchers } from './label-mapping.ts';
import { findKnownMetric, STATUS_LABELS } from './prometheus-metrics.ts';
import type { PrometheusRule } from './prometheus-rule.ts';
import { computeNumber, type PromqlExpression, type Selector } from './promql-expression.ts';
import { LOOKBACK_MS, type MeasureSource } from './quantity.ts';
import { listCustomNames } from './rule-sql.ts';
import type { Condition } from './translated-rule.ts';

const MIN_AGE_MS = 300_000;
const MIN_NO_DATA_MS = 60_000;
/** Two reports of a service can be almost two minutes apart. */
const UP_WINDOW_MS = 120_000;
const NOTE = 'Perfscope detects missing data only of groups that sent data within the last day';

/**
 * Translates `up == 0`, `absent(…)`, and `absent_over_time(…)` to a rule about missing data. Returns
 * undefined for other expressions.
 */
export function toMissingDataRule(
  expression: PromqlExpression,
  rule: PrometheusRule,
  severity: AlertSeverity,
): Condition | undefined {
  const down = findDownSelector(expression);
  if (down) return toUpCondition(down, rule, severity);
  const isAbsent =
    expression.kind === 'call' && ['absent', 'absent_over_time'].includes(expression.name);
  const [selector] = isAbsent ? expression.args : [];
  if (selector?.kind !== 'selector') return undefined;
  if (selector.metric === 'up') return toUpCondition(selector, rule, severity);
  return toAbsentCondition(selector, rule, severity);
}

/** Returns the selector of `up == 0`, `up < 1`, or `up != 1`. */
function findDownSelector(expression: PromqlExpression): Selector | undefined {
  if (expression.kind !== 'binary') return undefined;
  const { op, left, right } = expression;
  const inner =
    left.kind === 'aggregation' && left.args.length === 1 && ['min', 'max', 'sum'].includes(left.op)
      ? left.args[0]!
      : left;
  if (inner.kind !== 'selector' || inner.metric !== 'up') return undefined;
  const limit = computeNumber(right);
  const isDown = (op === '==' && limit === 0) || (['<', '!='].includes(op) && limit === 1);
  return isDown ? inner : undefined;
}

function toUpCondition(
  selector: Selector,
  rule: PrometheusRule,
  severity: AlertSeverity,
): Condition {
  const { filter, constants, warnings } = mapMatchers(selector.matchers);
  const source: MeasureSource = {
    ...{ kind: 'measure', type: undefined, aggregate: 'count', groupBy: ['service'] },
    ...{ filter, windowMs: UP_WINDOW_MS },
  };
  const note = 'a service is down if it sends no measurements';
  return toCondition(source, rule, severity, constants, [note], warnings);
}

function toAbsentCondition(
  selector: Selector,
  rule: PrometheusRule,
  severity: AlertSeverity,
): Condition {
  const known = findKnownMetric(selector.metric);
  const isOperation = known?.kind === 'operation';
  const type = isOperation || known?.kind === 'gauge' ? known.type : 'CUSTOM';
  const matchers = selector.matchers.filter(({ label }) => !STATUS_LABELS.has(label));
  const { filter, constants, warnings } = mapMatchers(matchers);
  const { groupBy } = mapGrouping(undefined, ['service']);
  const names =
    known?.kind === 'gauge'
      ? known.names
      : isOperation
        ? undefined
        : listCustomNames(selector.metric);
  const source: MeasureSource = {
    ...{ kind: 'measure', type, aggregate: 'count', groupBy },
    filter: { ...filter, ...(names && { name: names }) },
    windowMs: selector.rangeMs ?? LOOKBACK_MS,
  };
  return toCondition(source, rule, severity, constants, [], warnings);
}

function toCondition(
  source: MeasureSource,
  rule: PrometheusRule,
  severity: AlertSeverity,
  constants: Condition['constants'],
  notes: readonly string[],
  warnings: readonly string[],
): Condition {
  return {
    ...{ source, direction: 'above', thresholds: {}, minimumCount: undefined, forMs: 0 },
    ...{
      constants,
      unit: '1',
      isConverted: false,
      isInverted: false,
      warnings,
      notes: [...notes, NOTE],
    },
    noData: {
      afterMs: Math.max(rule.forMs, MIN_NO_DATA_MS),
      severity,
      minimumAgeMs: MIN_AGE_MS,
    },
  };
}
