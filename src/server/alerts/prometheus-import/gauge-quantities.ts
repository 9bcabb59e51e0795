import type { Aggregate } from '../rules/rule-aggregates.ts';
import { describeCustom } from './custom-metrics.ts';
import { type Grouping, mapGrouping, mapMatchers } from './label-mapping.ts';
import { findKnownMetric } from './prometheus-metrics.ts';
import type { Selector } from './promql-expression.ts';
import { LOOKBACK_MS, type Quantity, UntranslatableError } from './quantity.ts';
import { formatGaugeSql } from './rule-sql.ts';

/** The aggregate of a measure for each aggregation of gauges. */
const GAUGE_AGGREGATES: Readonly<Record<string, Aggregate>> = {
  avg: 'mean',
  max: 'max',
  min: 'min',
};
/**
 * Converts a gauge.
 *
 * @param rangeAggregate aggregate of a function such as `avg_over_time`
 * @param op aggregation over several series, such as `max`
 * @throws UntranslatableError
 */
export function toGaugeQuantity(
  selector: Selector,
  grouping: Grouping | undefined,
  rangeAggregate: Aggregate | undefined,
  op?: string,
): Quantity {
  const known = findKnownMetric(selector.metric);
  if (known?.kind === 'operation') {
    throw new UntranslatableError(
      `\`${selector.metric}\` is a counter, whose value depends on the start of the process`,
      'use `rate` or `increase`',
    );
  }
  if (selector.rangeMs !== undefined && rangeAggregate === undefined) {
    throw new UntranslatableError('a range without a function', 'correct the expression');
  }
  const windowMs = selector.rangeMs ?? LOOKBACK_MS;
  if (known?.kind === 'queue-depth') return toQueueDepthQuantity(selector, grouping, windowMs);
  if (known) {
    const { filter, constants, warnings } = mapMatchers(selector.matchers);
    const groups = mapGrouping(grouping, known.groupBy);
    const { type, names, scale, unit, note } = known;
    if (op === 'sum' && groups.groupBy.length < known.groupBy.length) {
      throw new UntranslatableError(
        "Perfscope can't add up the values of several processes in a `measure`",
        'use `max by (instance)`, or a SQL rule',
      );
    }
    const aggregate =
      rangeAggregate ?? (op === undefined ? 'last' : (GAUGE_AGGREGATES[op] ?? 'last'));
    return {
      source: {
        ...{ kind: 'measure', type, aggregate, groupBy: groups.groupBy, windowMs },
        filter: { ...filter, ...(names && { name: names }) },
      },
      ...{ scale, offset: 0, unit, constants },
      notes: [...groups.notes, ...(note === undefined ? [] : [note])],
      warnings: [...warnings, ...groups.warnings],
    };
  }
  if (selector.metric === 'up') {
    throw new UntranslatableError(
      '`up` is supported only in comparisons with 0 or 1',
      'use `up == 0`',
    );
  }
  const custom = describeCustom(selector, grouping);
  const sqlAggregate = op ?? (rangeAggregate === 'mean' ? 'avg' : (rangeAggregate ?? 'max'));
  const aggregate = sqlAggregate === 'last' ? 'max' : sqlAggregate;
  return {
    source: formatGaugeSql(custom.selection, aggregate),
    ...{ scale: 1, offset: 0, unit: 'unknown' },
    ...{ constants: custom.constants, notes: custom.notes, warnings: custom.warnings },
  };
}

/** Labels with the state of jobs. */
const STATE_LABELS: ReadonlySet<string> = new Set(['state', 'status', 'job_state']);

function toQueueDepthQuantity(
  selector: Selector,
  grouping: Grouping | undefined,
  windowMs: number,
): Quantity {
  const state = selector.matchers.find(({ label }) => STATE_LABELS.has(label));
  const others = selector.matchers.filter((matcher) => matcher !== state);
  const { filter, constants, warnings } = mapMatchers(others);
  const groups = mapGrouping(grouping, ['queue']);
  const isWaiting = state === undefined || /^wait(?:ing)?$/.test(state.value);
  const common = {
    ...({ scale: 1, offset: 0, unit: '1', isWhole: true } as const),
    constants,
    notes: [...groups.notes, `\`${selector.metric}\` becomes the depth of the queue`],
    warnings: [...warnings, ...groups.warnings],
  };
  const measure = { kind: 'measure', groupBy: groups.groupBy, windowMs } as const;
  if (isWaiting) {
    return { ...common, source: { ...measure, type: undefined, aggregate: 'depth', filter } };
  }
  return {
    ...common,
    source: {
      ...{ ...measure, type: 'QUEUE_DEPTH', aggregate: 'last' },
      filter: { ...filter, operation: [state.value] },
    },
  };
}
