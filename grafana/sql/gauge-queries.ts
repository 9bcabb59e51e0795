import { METRICS_TABLE, VALUE_AGGREGATIONS } from '../../src/storage/queries/query-tables.ts';
import { type SelectSpec, selectOverRange, selectOverTime } from './select-metrics.ts';
import { quote } from './sql-text.ts';

export interface GaugeSelection extends Pick<SelectSpec, 'by' | 'keys' | 'conditions'> {
  readonly type: string;
  readonly name?: string;
}

function toSelectSpec({ type, name, conditions = [], ...asked }: GaugeSelection): SelectSpec {
  const named = name ? [`name = ${quote(name)}`] : [];
  const all = [`metric_type = ${quote(type)}`, ...named, ...conditions];
  return { ...asked, figures: VALUE_AGGREGATIONS, conditions: all };
}

/** `last`, `value_total`, `samples`, `least` and `most` of the values of each bucket of time. */
export function selectGaugeOverTime(asked: GaugeSelection): string {
  return selectOverTime(METRICS_TABLE, toSelectSpec(asked));
}

/** The same of the whole range. */
export function selectGaugeOverRange(asked: GaugeSelection): string {
  return selectOverRange(METRICS_TABLE, toSelectSpec(asked));
}
