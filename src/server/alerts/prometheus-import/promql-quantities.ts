import type { Aggregate } from '../rules/rule-aggregates.ts';
import { COUNTER_FUNCTIONS, findOperationCounter, unwrapSum } from './counter-calls.ts';
import { findCustomCounter, rejectForeignMetric } from './custom-metrics.ts';
import { toGaugeQuantity } from './gauge-quantities.ts';
import { findHostRatio } from './host-ratios.ts';
import { type Grouping, mapGrouping, mapMatchers } from './label-mapping.ts';
import { toCounterQuantity, toQuantileQuantity, toRatioQuantity } from './operation-quantities.ts';
import { computeNumber, type PromqlExpression, type Selector } from './promql-expression.ts';
import { LOOKBACK_MS, type Quantity, transformQuantity, UntranslatableError } from './quantity.ts';
import { formatCounterSql } from './rule-sql.ts';

/** The aggregate of each function over a range of a gauge. */
const RANGE_AGGREGATES: Readonly<Record<string, Aggregate>> = {
  avg_over_time: 'mean',
  max_over_time: 'max',
  min_over_time: 'min',
  last_over_time: 'last',
};
const AGGREGATIONS: ReadonlySet<string> = new Set(['sum', 'avg', 'max', 'min']);
/** Functions that don't change values. */
const TRANSPARENT_FUNCTIONS: ReadonlySet<string> = new Set(['sort', 'sort_desc', 'scalar']);

/**
 * Converts a PromQL expression to a quantity of Perfscope.
 *
 * @throws UntranslatableError with the reason and an alternative
 */
export function toQuantity(expression: PromqlExpression): Quantity {
  switch (expression.kind) {
    case 'number':
      throw new UntranslatableError('the expression contains no metric', 'correct the expression');
    case 'unsupported':
      throw new UntranslatableError(
        `Perfscope has no equivalent of ${expression.feature}`,
        expression.feature === '`offset`'
          ? 'use the aggregate `spike`, which compares the window with a baseline'
          : 'use a SQL rule',
      );
    case 'selector':
      return toGaugeQuantity(expression, undefined, undefined);
    case 'call':
      return toCallQuantity(expression);
    case 'aggregation':
      return toAggregationQuantity(expression);
    case 'binary':
      return toBinaryQuantity(expression);
  }
}

type Expression<K extends PromqlExpression['kind']> = Extract<PromqlExpression, { kind: K }>;

function toCallQuantity({ name, args }: Expression<'call'>): Quantity {
  if (TRANSPARENT_FUNCTIONS.has(name) && args[0]) return toQuantity(args[0]);
  if (COUNTER_FUNCTIONS.has(name)) return toCounter({ kind: 'call', name, args }, undefined);
  if (name === 'histogram_quantile') return toHistogramQuantity(args);
  const aggregate = Object.hasOwn(RANGE_AGGREGATES, name) ? RANGE_AGGREGATES[name] : undefined;
  const [selector] = args;
  if (aggregate !== undefined && selector?.kind === 'selector') {
    return toGaugeQuantity(selector, undefined, aggregate);
  }
  const alternative =
    name === 'predict_linear' || name === 'deriv'
      ? 'the built-in rules `disk` and `time-to-drain` cover the most common cases'
      : 'use a SQL rule';
  throw new UntranslatableError(`Perfscope has no equivalent of \`${name}\``, alternative);
}

function toHistogramQuantity([quantile, buckets]: readonly PromqlExpression[]): Quantity {
  if (quantile?.kind !== 'number' || !buckets) {
    throw new UntranslatableError(
      'the quantile must be a number',
      'use one rule for each quantile',
    );
  }
  const counter = findOperationCounter(buckets);
  if (counter) return toQuantileQuantity(quantile.value, counter);
  const inner = unwrapSum(buckets);
  const call = inner.expression;
  const selector = call.kind === 'call' ? call.args[0] : undefined;
  if (selector?.kind !== 'selector' || !selector.metric.endsWith('_bucket')) {
    throw new UntranslatableError(
      'the quantile must be computed from `rate` of a `_bucket` metric',
      'use `histogram_quantile(0.95, sum by (le) (rate(NAME_bucket[5m])))`',
    );
  }
  const aggregates: ReadonlyMap<number, Aggregate> = new Map([
    ...([
      [0.5, 'p50'],
      [0.9, 'p90'],
      [0.95, 'p95'],
      [0.99, 'p99'],
      [0.999, 'p999'],
    ] as const),
  ]);
  const aggregate = aggregates.get(quantile.value);
  if (aggregate === undefined) {
    throw new UntranslatableError(
      `Perfscope has no ${quantile.value} quantile`,
      'use 0.5, 0.9, 0.95, 0.99, or 0.999',
    );
  }
  rejectForeignMetric(selector.metric);
  const name = selector.metric.replace(/_bucket$/, '');
  const matchers = mapMatchers(selector.matchers.filter(({ label }) => label !== 'le'));
  const groups = mapGrouping(inner.grouping, ['service']);
  const base = name.replace(/_(?:seconds|milliseconds|ms|bytes)$/, '');
  const names = [...new Set([name, base, base.replaceAll('_', '.')])];
  return {
    source: {
      ...{ kind: 'measure', type: 'CUSTOM', aggregate, groupBy: groups.groupBy },
      filter: { ...matchers.filter, name: names },
      windowMs: selector.rangeMs ?? LOOKBACK_MS,
    },
    ...{ scale: 1, offset: 0, unit: 'unknown', constants: matchers.constants },
    notes: [...groups.notes, `assumes that \`${base}\` has the same unit in Perfscope`],
    warnings: [...matchers.warnings, ...groups.warnings],
  };
}

function toAggregationQuantity(aggregation: Expression<'aggregation'>): Quantity {
  const { op, args, labels, isWithout } = aggregation;
  const [inner] = args;
  if (!AGGREGATIONS.has(op) || args.length !== 1 || !inner) {
    const reason = `Perfscope has no equivalent of \`${op}\``;
    throw new UntranslatableError(reason, 'use a SQL rule');
  }
  const grouping = { labels, isWithout };
  const host = findHostRatio(aggregation);
  if (host) return host;
  if (inner.kind === 'call' && COUNTER_FUNCTIONS.has(inner.name))
    return toCounter(inner, grouping, op);
  if (inner.kind === 'selector') return toGaugeQuantity(inner, grouping, undefined, op);
  if (inner.kind === 'call' && Object.hasOwn(RANGE_AGGREGATES, inner.name)) {
    const [selector] = inner.args;
    const aggregate = RANGE_AGGREGATES[inner.name];
    if (selector?.kind === 'selector') return toGaugeQuantity(selector, grouping, aggregate, op);
  }
  if (inner.kind === 'aggregation' || inner.kind === 'binary' || inner.kind === 'call') {
    const quantity = toQuantity(inner);
    const { source } = quantity;
    if (source.kind === 'measure') {
      const isHost = source.groupBy.includes('host');
      const groups = mapGrouping(grouping, source.groupBy, isHost);
      const warning = `\`${op}\` of a computed value becomes one value per group`;
      return {
        ...quantity,
        source: { ...source, groupBy: groups.groupBy },
        warnings: [...quantity.warnings, ...groups.warnings, warning],
      };
    }
  }
  throw new UntranslatableError(`\`${op}\` of a computed value`, 'use a SQL rule');
}

function toBinaryQuantity(operation: Expression<'binary'>): Quantity {
  const { op, left, right } = operation;
  const host = findHostRatio(operation);
  if (host) return host;
  const [a, b] = [computeNumber(left), computeNumber(right)];
  if (b !== undefined && a === undefined) {
    if (op === '*') return transformQuantity(toQuantity(left), b, 0);
    if (op === '/') return transformQuantity(toQuantity(left), 1 / b, 0);
    if (op === '+') return transformQuantity(toQuantity(left), 1, b);
    if (op === '-') return transformQuantity(toQuantity(left), 1, -b);
  }
  if (a !== undefined && b === undefined) {
    if (op === '*') return transformQuantity(toQuantity(right), a, 0);
    if (op === '+') return transformQuantity(toQuantity(right), 1, a);
    if (op === '-') return transformQuantity(toQuantity(right), -1, a);
  }
  if (op === '/' && left.kind === 'binary' && left.op === '*') {
    // 100 * errors / requests
    const factor = computeNumber(left.left) ?? computeNumber(left.right);
    const numerator = computeNumber(left.left) === undefined ? left.left : left.right;
    if (factor !== undefined) {
      return transformQuantity(toBinaryQuantity({ ...operation, left: numerator }), factor, 0);
    }
  }
  if (op === '/') return toRatio(left, right);
  throw new UntranslatableError(
    `Perfscope has no equivalent of \`${op}\` between two metrics`,
    'use a SQL rule, or one rule for each metric',
  );
}

function toRatio(left: PromqlExpression, right: PromqlExpression): Quantity {
  const denominator = dropPositiveCondition(right);
  const [top, bottom] = [findOperationCounter(left), findOperationCounter(denominator)];
  if (top && bottom) return toRatioQuantity(top, bottom);
  const [custom, divisor] = [findCustomCounter(left), findCustomCounter(denominator)];
  if (custom && divisor) {
    const source = formatCounterSql(custom.selection, (value) => value, divisor.selection);
    const { constants, notes, warnings } = custom;
    return { source, scale: 1, offset: 0, unit: '1', constants, notes, warnings };
  }
  throw new UntranslatableError('the ratio of these two metrics', 'use a SQL rule');
}

/** Removes `> 0` from a denominator. A group without operations has no value in Perfscope. */
function dropPositiveCondition(expression: PromqlExpression): PromqlExpression {
  const isCondition =
    expression.kind === 'binary' &&
    ['>', '!='].includes(expression.op) &&
    computeNumber(expression.right) === 0;
  return isCondition ? expression.left : expression;
}

function toCounter(call: Expression<'call'>, grouping: Grouping | undefined, op = 'sum'): Quantity {
  const sum: PromqlExpression = grouping
    ? { kind: 'aggregation', op: 'sum', args: [call], ...grouping }
    : call;
  const warnings = op === 'sum' ? [] : [`\`${op}\` of counters becomes their sum in each group`];
  const known = findOperationCounter(sum);
  if (known) {
    const quantity = toCounterQuantity(known);
    return { ...quantity, warnings: [...quantity.warnings, ...warnings] };
  }
  const [selector] = call.args;
  if (
    selector?.kind === 'selector' &&
    /^(?:process_cpu_(?:user_|system_)?seconds_total)$/.test(selector.metric)
  ) {
    return toProcessCpuQuantity(selector, grouping);
  }
  const custom = findCustomCounter(sum);
  if (selector?.kind === 'unsupported') return toQuantity(selector);
  if (!custom) {
    throw new UntranslatableError(
      `\`${call.name}\` requires a metric with a range`,
      'correct the expression',
    );
  }
  const { selection, constants, notes } = custom;
  const seconds = selection.windowMs / 1000;
  const isRate = call.name !== 'increase';
  return {
    source: formatCounterSql(selection, (value) => (isRate ? `${value} / ${seconds}.0` : value)),
    ...{ scale: 1, offset: 0, unit: '1', isWhole: !isRate, isMissingAtZero: true },
    ...{ constants, notes, warnings: [...custom.warnings, ...warnings] },
  };
}

function toProcessCpuQuantity(selector: Selector, grouping: Grouping | undefined): Quantity {
  const { filter, constants, warnings } = mapMatchers(selector.matchers);
  const groups = mapGrouping(grouping, ['service', 'instance']);
  return {
    source: {
      ...{ kind: 'measure', type: 'CUSTOM', aggregate: 'mean', groupBy: groups.groupBy },
      filter: { ...filter, name: ['process.cpu.utilization'] },
      windowMs: selector.rangeMs ?? LOOKBACK_MS,
    },
    ...{ scale: 100, offset: 0, unit: '%', constants },
    notes: groups.notes,
    warnings: [
      ...warnings,
      ...groups.warnings,
      'Perfscope measures a share of all CPUs, and Prometheus the number of CPUs',
    ],
  };
}
