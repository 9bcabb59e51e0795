import { OWN_SERVICE_NAME } from '../../../core/own-service.ts';
import { toLabelName } from '../../../core/vocabulary.ts';
import type { Dimension } from '../../../storage/queries/query-definition.ts';
import { METRIC_COLUMNS } from '../../../storage/queries/query-definition.ts';
import type { LabelMatcher } from './promql-expression.ts';
import type { MeasureSource, SqlSource } from './quantity.ts';

/** Formats a text as a SQL string. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function formatList(names: readonly string[]): string {
  return names.map(quote).join(', ');
}

interface Column {
  readonly label: string;
  readonly sql: string;
}

function toColumn(dimension: Dimension): Column {
  return { label: toLabelName(dimension), sql: METRIC_COLUMNS[dimension] };
}

function formatConditions(conditions: readonly string[]): string {
  return conditions.map((condition) => `  AND ${condition}\n`).join('');
}

function formatFilter(filter: MeasureSource['filter']): string[] {
  return Object.entries(filter).map(
    ([dimension, names]) =>
      `${METRIC_COLUMNS[dimension as Dimension]} IN (${formatList(names ?? [])})`,
  );
}

/** Creates a SQL rule over the operations of a measure. */
export function formatOperationSql(
  { type, filter, groupBy, windowMs }: Omit<MeasureSource, 'aggregate'>,
  value: string,
): SqlSource {
  const columns = groupBy.map(toColumn);
  const conditions = [
    `metric_type = ${quote(type ?? 'CUSTOM')}`,
    'test = false',
    ...formatFilter(filter),
    // Rules about requests exclude the requests of the Perfscope server.
    ...(filter.service ? [] : [`service <> ${quote(OWN_SERVICE_NAME)}`]),
  ];
  const values = `${value} AS value, sum(count) AS count, max(timestamp) AS newest`;
  return { ...formatSelect(columns, values, conditions, windowMs), countedType: type };
}

/** A selection of metrics that the application records itself. */
export interface CustomSelection {
  readonly metric: string;
  readonly matchers: readonly LabelMatcher[];
  readonly filter: MeasureSource['filter'];
  readonly groupBy: readonly Dimension[];
  /** Names of attributes to group by. */
  readonly attributes: readonly string[];
  readonly windowMs: number;
}

/** Returns the names that a metric of Prometheus can have in Perfscope. */
export function listCustomNames(metric: string): string[] {
  const base = metric.replace(/_total$/, '');
  return [...new Set([metric, base, base.replaceAll('_', '.')])];
}

/** Creates a SQL rule over the increases of counters. `divisor` is in the denominator of a ratio. */
export function formatCounterSql(
  selection: CustomSelection,
  toValue: (sum: string) => string,
  divisor?: CustomSelection,
): SqlSource {
  if (!divisor) {
    return formatCustomSelect(selection, [selection], toValue('sum(value)'));
  }
  const sumOf = (each: CustomSelection) =>
    `sum(CASE WHEN ${formatSelected(each)} THEN value ELSE 0 END)`;
  const ratio = `${sumOf(selection)} / nullif(${sumOf(divisor)}, 0)`;
  return formatCustomSelect({ ...selection, filter: {} }, [selection, divisor], toValue(ratio));
}

/** Creates a SQL rule over the newest values of a gauge. `aggregate` combines the values of series. */
export function formatGaugeSql(selection: CustomSelection, aggregate: string): SqlSource {
  const columns = listColumns(selection);
  const series = [
    ...columns,
    { label: 'series_instance', sql: 'instance' },
    { label: 'series_tags', sql: 'tags' },
  ];
  const inner = formatSelect(
    series,
    'last(value) AS latest, max(timestamp) AS latest_at',
    formatCustomConditions([selection]),
    selection.windowMs,
  ).sql;
  const names = columns.map(({ label }) => label);
  const indented = inner.trimEnd().replaceAll('\n', '\n  ');
  const select = [...names, `${aggregate}(latest) AS value`, 'max(latest_at) AS newest'].join(', ');
  const group = names.length > 0 ? `GROUP BY ${names.join(', ')}\n` : '';
  return {
    kind: 'sql',
    sql: `SELECT ${select}\nFROM (\n  ${indented}\n)\n${group}`,
    labels: names,
    windowMs: selection.windowMs,
  };
}

function formatCustomSelect(
  selection: CustomSelection,
  all: readonly CustomSelection[],
  value: string,
): SqlSource {
  const values = `${value} AS value, max(timestamp) AS newest`;
  return formatSelect(
    listColumns(selection),
    values,
    formatCustomConditions(all),
    selection.windowMs,
  );
}

function listColumns({ groupBy, attributes }: CustomSelection): Column[] {
  return [
    ...groupBy.map(toColumn),
    ...attributes.map((name) => ({ label: name, sql: formatAttribute(name) })),
  ];
}

function formatCustomConditions(selections: readonly CustomSelection[]): string[] {
  const [first] = selections;
  const common = ["metric_type = 'CUSTOM'", 'test = false'];
  if (selections.length === 1 && first) return [...common, ...listConditions(first)];
  const names = selections.flatMap(({ metric }) => listCustomNames(metric));
  return [...common, `name IN (${formatList([...new Set(names)])})`];
}

function formatSelected(selection: CustomSelection): string {
  return listConditions(selection).join(' AND ');
}

function listConditions({ metric, matchers, filter }: CustomSelection): string[] {
  return [
    `name IN (${formatList(listCustomNames(metric))})`,
    ...formatFilter(filter),
    ...matchers.map(formatMatcher),
  ];
}

function formatMatcher({ label, op, value }: LabelMatcher): string {
  const attribute = formatAttribute(label);
  switch (op) {
    case '=':
      return `${attribute} = ${quote(value)}`;
    case '!=':
      return `coalesce(${attribute}, '') <> ${quote(value)}`;
    case '=~':
      return `${attribute} ~ ${quote(`^(?:${value})$`)}`;
    case '!~':
      return `NOT (coalesce(${attribute}, '') ~ ${quote(`^(?:${value})$`)})`;
  }
}

function formatAttribute(name: string): string {
  return `json_extract(tags, ${quote(`$.${name}`)})`;
}

function formatSelect(
  columns: readonly Column[],
  values: string,
  conditions: readonly string[],
  windowMs: number,
): SqlSource {
  const names = columns.map(({ label, sql }) => (label === sql ? sql : `${sql} AS ${label}`));
  const group = columns.length > 0 ? `GROUP BY ${columns.map(({ sql }) => sql).join(', ')}\n` : '';
  return {
    kind: 'sql',
    sql: `SELECT ${[...names, values].join(', ')}\nFROM performance_metrics\nWHERE in_window() AND in_scope()\n${formatConditions(conditions)}${group}`,
    labels: columns.map(({ label }) => label),
    windowMs,
  };
}
