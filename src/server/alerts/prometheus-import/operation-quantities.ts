import type { Dimension } from '../../../storage/queries/query-definition.ts';
import type { Aggregate } from '../rules/rule-aggregates.ts';
import { type Grouping, mapGrouping, mapMatchers } from './label-mapping.ts';
import {
  findStatusClass,
  type OperationMetric,
  STATUS_LABELS,
  type StatusClass,
} from './prometheus-metrics.ts';
import type { LabelMatcher, Selector } from './promql-expression.ts';
import { type MeasureSource, type Quantity, UntranslatableError } from './quantity.ts';
import { formatOperationSql } from './rule-sql.ts';

/** `rate`, `increase`, or `irate` of the counters of operations that Perfscope also measures. */
export interface OperationCounter {
  readonly metric: OperationMetric;
  readonly selector: Selector;
  readonly fn: string;
  readonly windowMs: number;
  readonly grouping: Grouping | undefined;
}

const DEFAULT_GROUPS: Readonly<Record<string, readonly Dimension[]>> = {
  API_RESPONSE_TIME: ['service', 'endpoint'],
  OUTGOING_REQUEST_TIME: ['service', 'endpoint'],
  DATABASE_QUERY_TIME: ['service'],
  QUEUE_PROCESSING_TIME: ['queue'],
  QUEUE_WAIT_TIME: ['queue'],
};

type Common = Pick<Quantity, 'constants' | 'notes' | 'warnings'> & {
  readonly measure: Omit<MeasureSource, 'aggregate'>;
  readonly status: StatusClass | undefined;
};

function isStatusMatcher({ label }: LabelMatcher): boolean {
  return STATUS_LABELS.has(label);
}

/** Converts the labels of a counter. */
function describeCounter({ metric, selector, windowMs, grouping }: OperationCounter): Common {
  const matchers = selector.matchers.filter(({ label }) => label !== 'le');
  const statusMatchers = matchers.filter(isStatusMatcher).filter(({ value }) => value !== '');
  const [statusMatcher] = statusMatchers;
  const status = statusMatcher && findStatusClass(statusMatcher.op, statusMatcher.value);
  if (statusMatchers.length > 1 || (statusMatcher && status === undefined)) {
    throw new UntranslatableError(
      `Perfscope counts responses by status class, and can't select \`${statusMatcher?.label}${statusMatcher?.op}"${statusMatcher?.value}"\``,
      'use all 5xx responses, or a SQL rule with `count_4xx` or `count_5xx`',
    );
  }
  const mapped = mapMatchers(matchers.filter((matcher) => !isStatusMatcher(matcher)));
  const groups = mapGrouping(grouping, DEFAULT_GROUPS[metric.type] ?? ['service']);
  return {
    measure: {
      kind: 'measure',
      type: metric.type,
      filter: mapped.filter,
      groupBy: groups.groupBy,
      windowMs,
    },
    status,
    constants: mapped.constants,
    notes: [`\`${selector.metric}\` becomes \`${metric.type}\``, ...groups.notes],
    warnings: [...mapped.warnings, ...groups.warnings],
  };
}

/** Converts `rate(…)` and `increase(…)` of a counter. `rate` is per second, and Perfscope's is per minute. */
export function toCounterQuantity(counter: OperationCounter): Quantity {
  const { metric, fn, windowMs } = counter;
  const { measure, status, ...common } = describeCounter(counter);
  const isRate = fn !== 'increase';
  if (metric.part === 'sum') {
    throw new UntranslatableError(
      'the sum of durations has no meaning on its own',
      'divide the sum by the count, to get the average',
    );
  }
  const base = { ...common, offset: 0, isMissingAtZero: true };
  if (status === undefined && !metric.isErrors) {
    const aggregate: Aggregate = isRate ? 'rate' : 'count';
    const unit = isRate ? '1/min' : '1';
    return {
      ...base,
      source: { ...measure, aggregate },
      scale: isRate ? 60 : 1,
      unit,
      isWhole: !isRate,
    };
  }
  const seconds = windowMs / 1000;
  const count = formatStatusCount(metric.isErrors ? '5xx' : status!);
  return {
    ...base,
    // The rows of requests without an error have the value 0.
    isMissingAtZero: false,
    ...{ scale: 1, unit: '1', isWhole: !isRate },
    source: formatOperationSql(measure, isRate ? `sum(${count}) / ${seconds}.0` : `sum(${count})`),
  };
}

/** Converts `histogram_quantile(quantile, …)`. */
export function toQuantileQuantity(quantile: number, counter: OperationCounter): Quantity {
  const aggregate = QUANTILES.get(quantile);
  if (aggregate === undefined) {
    throw new UntranslatableError(
      `Perfscope has no ${quantile} quantile`,
      'use 0.5, 0.9, 0.95, 0.99, or 0.999',
    );
  }
  const { measure, status, ...common } = describeCounter(counter);
  if (status !== undefined) {
    throw new UntranslatableError(
      'percentiles of responses with one status are not stored',
      'remove the status matcher',
    );
  }
  const { toMs } = counter.metric;
  return { ...common, source: { ...measure, aggregate }, scale: toMs, offset: 0, unit: 'ms' };
}

const QUANTILES: ReadonlyMap<number, Aggregate> = new Map([
  [0.5, 'p50'],
  [0.9, 'p90'],
  [0.95, 'p95'],
  [0.99, 'p99'],
  [0.999, 'p999'],
]);

/** Converts the ratio of two counters: an error rate, a share of slow requests, or an average. */
export function toRatioQuantity(
  numerator: OperationCounter,
  denominator: OperationCounter,
): Quantity {
  const [top, bottom] = [numerator.metric, denominator.metric];
  if (top.family !== bottom.family) {
    throw new UntranslatableError('the ratio of two different metrics', 'use a SQL rule');
  }
  const { measure, status, ...common } = describeCounter(numerator);
  const other = describeCounter(denominator);
  if (other.status !== undefined) {
    throw new UntranslatableError(
      'the denominator contains only responses with one status',
      'divide by the number of all requests',
    );
  }
  if (JSON.stringify(measure.filter) !== JSON.stringify(other.measure.filter)) {
    throw new UntranslatableError(
      'both sides of the ratio must select the same labels',
      'use the same matchers, except for the status',
    );
  }
  const warnings = [
    ...common.warnings,
    ...(measure.windowMs === other.measure.windowMs
      ? []
      : ['the range of the first counter applies']),
  ];
  const base = { ...common, warnings, offset: 0 };
  if (top.part === 'sum' && bottom.part === 'count' && status === undefined) {
    return { ...base, source: { ...measure, aggregate: 'mean' }, scale: top.toMs, unit: 'ms' };
  }
  const boundary = findBoundary(numerator);
  if (boundary !== undefined && isAll(denominator) && status === undefined) {
    const slowerThanMs = boundary * top.toMs;
    const source: MeasureSource = { ...measure, aggregate: 'slow_share', slowerThanMs };
    return { ...base, source, scale: -100, offset: 100, unit: '%' };
  }
  if (!isAll(denominator) || !isAll(numerator)) {
    throw new UntranslatableError(
      'this ratio is not a share of requests or an average',
      'use a SQL rule',
    );
  }
  const counted = top.isErrors ? '5xx' : status;
  if (counted === '5xx' || counted === 'not 5xx') {
    const isSuccess = counted === 'not 5xx';
    return {
      ...base,
      source: { ...measure, aggregate: 'error_ratio' },
      ...{ scale: isSuccess ? -100 : 100, offset: isSuccess ? 100 : 0, unit: '%' },
      notes: [...base.notes, 'requests with an incomplete response also count as failed'],
    };
  }
  if (counted === undefined) {
    throw new UntranslatableError(
      'the ratio has the same requests on both sides',
      'correct the expression',
    );
  }
  const count = formatStatusCount(counted);
  const share = `100.0 * sum(${count}) / sum(count)`;
  return { ...base, source: formatOperationSql(measure, share), scale: 100, unit: '%' };
}

/** Returns the `le` of a bucket such as `{le="0.5"}`, in the unit of the metric. */
function findBoundary({ metric, selector }: OperationCounter): number | undefined {
  const le = selector.matchers.find(({ label, op }) => label === 'le' && op === '=');
  const boundary = Number(le?.value);
  return metric.part === 'bucket' && le && Number.isFinite(boundary) ? boundary : undefined;
}

/** Returns whether a counter counts all operations. */
function isAll({ metric, selector }: OperationCounter): boolean {
  const isWhole = selector.matchers.some(({ label, value }) => label === 'le' && value === '+Inf');
  return metric.part === 'count' || (metric.part === 'bucket' && isWhole);
}

function formatStatusCount(status: StatusClass): string {
  switch (status) {
    case '4xx':
      return 'count_4xx';
    case '5xx':
      return 'error_count';
    case '4xx and 5xx':
      return 'count_4xx + count_5xx';
    case 'not 5xx':
      return 'count - error_count';
  }
}
