import { METRICS_TABLE, VALUE_AGGREGATIONS } from '../../src/storage/queries/query-tables.ts';
import { type SelectSpec, selectOverRange, selectOverTime } from './select-metrics.ts';
import { quote } from './sql-text.ts';

export interface GaugeSelection extends Pick<SelectSpec, 'by' | 'keys' | 'conditions'> {
  readonly type: string;
  readonly name?: string;
}

function toSelectSpec({ type, name, conditions = [], ...rest }: GaugeSelection): SelectSpec {
  const nameCondition = name ? [`name = ${quote(name)}`] : [];
  const all = [`metric_type = ${quote(type)}`, ...nameCondition, ...conditions];
  return { ...rest, aggregations: VALUE_AGGREGATIONS, conditions: all };
}

/** Selects the aggregations of `VALUE_AGGREGATIONS` (last, total, number, minimum, and maximum) for each interval. */
export function selectGaugeOverTime(selection: GaugeSelection): string {
  return selectOverTime(METRICS_TABLE, toSelectSpec(selection));
}

/** Selects the aggregations of `VALUE_AGGREGATIONS` for the whole time range. */
export function selectGaugeOverRange(selection: GaugeSelection): string {
  return selectOverRange(METRICS_TABLE, toSelectSpec(selection));
}
