import type { AggregateName } from '../../data/trend-data.ts';
import type { Unit } from '../../format/quantities.ts';
import { aggregateLabel } from './query.ts';

export interface RuleInput {
  readonly metricType: string;
  /** Name of a custom metric. */
  readonly name: string | undefined;
  readonly aggregate: AggregateName;
  readonly filters: readonly (readonly [string, readonly string[]])[];
  readonly groupBy: readonly string[];
  readonly ruleName: string;
  readonly severity: string;
  readonly threshold: number;
  readonly direction: 'above' | 'below';
  readonly for: string;
  readonly window: string;
  readonly unit: Unit;
  /** What is measured, in words. */
  readonly description: string;
}

/** Labels of alerts by dimension, if their names differ. */
const LABELS: Readonly<Record<string, string>> = {
  organizationId: 'organization',
  propertyId: 'property',
};
/** Columns of `performance_metrics` by dimension. */
const COLUMNS: Readonly<Record<string, string>> = {
  service: 'service',
  version: 'service_version',
  environment: 'environment',
  instance: 'instance',
  endpoint: 'endpoint',
  operation: 'operation',
  queue: 'endpoint',
  queueScope: 'queue_scope',
  organizationId: 'organization_id',
  propertyId: 'property_id',
};
/** Aggregates of named custom metrics, which rules can measure only with SQL. */
const SQL_AGGREGATES: Partial<Record<AggregateName, string>> = {
  average: 'avg(value)',
  min: 'min(coalesce(min, value))',
  max: 'max(coalesce(max, value))',
  last: 'last(value)',
  sum: 'sum(coalesce(sum, value))',
  count: 'sum(coalesce(count, 1))',
  errorRate: '100.0 * sum(error_count) / sum(coalesce(count, 1))',
};
const FILTERS: Readonly<Record<string, string>> = {
  ms: 'humanizeDuration',
  '%': 'humanizePercentage',
  By: 'humanizeBytes',
};
const DEFAULT_APDEX_TARGET = '500ms';

/** Why no rule can watch an aggregate. Undefined if one can. */
export function whyNoRule({
  name,
  aggregate,
}: Pick<RuleInput, 'name' | 'aggregate'>): string | undefined {
  if (name && SQL_AGGREGATES[aggregate] === undefined) {
    return `Rules for a custom metric can't use ${aggregateLabel(aggregate)}. Choose mean, lowest, highest, newest, sum, count, or failed.`;
  }
  if (!name && aggregate === 'sum') {
    return "Rules can't use the sum of this metric. Choose the mean, the rate, or the count.";
  }
  return undefined;
}

/** Returns the greatest threshold that the server accepts. Undefined if there is no limit. */
export function getGreatestThreshold({
  name,
  aggregate,
}: Pick<RuleInput, 'name' | 'aggregate'>): number | undefined {
  if (name) return undefined;
  if (aggregate === 'errorRate') return 100;
  return aggregate === 'apdex' ? 1 : undefined;
}

/** Returns a rules file with one rule. `perfscope check-config` accepts it. */
export function formatRule(input: RuleInput): string {
  const lines = [
    'rules:',
    `  - name: ${formatName(toRuleName(input.ruleName))}`,
    ...(input.name ? formatSql(input, input.name) : formatMeasure(input)),
    ...(input.direction === 'below' ? ['    direction: below'] : []),
    `    thresholds: { ${input.severity}: ${input.threshold} }`,
    ...(input.for === '0s' ? [] : [`    for: ${input.for}`]),
    '    annotations:',
    `      summary: ${JSON.stringify(formatSummary(input))}`,
  ];
  return `${lines.join('\n')}\n`;
}

function formatMeasure({ metricType, aggregate, filters, groupBy, window }: RuleInput): string[] {
  return [
    '    measure:',
    `      type: ${metricType}`,
    `      aggregate: ${aggregate}`,
    ...(aggregate === 'apdex' ? [`      slowerThan: ${DEFAULT_APDEX_TARGET}`] : []),
    ...(filters.length > 0
      ? [
          '      filter:',
          ...filters.map(([name, values]) => `        ${name}: ${formatList(values)}`),
        ]
      : []),
    ...(groupBy.length > 0 ? [`      groupBy: [${groupBy.join(', ')}]`] : []),
    `      window: ${window}`,
  ];
}

function formatSql({ aggregate, filters, groupBy, window }: RuleInput, name: string): string[] {
  const groups = groupBy.flatMap((dimension) => {
    const column = COLUMNS[dimension];
    return column ? [`${column} AS ${toLabel(dimension)}`] : [];
  });
  const conditions = [
    'in_window()',
    'in_scope()',
    "metric_type = 'CUSTOM'",
    `name = ${quoteSql(name)}`,
    ...filters.flatMap(([dimension, values]) =>
      COLUMNS[dimension] ? [`${COLUMNS[dimension]} IN (${values.map(quoteSql).join(', ')})`] : [],
    ),
  ];
  const sql = [
    `SELECT ${[...groups, `${SQL_AGGREGATES[aggregate]} AS value`, 'max(timestamp) AS newest'].join(', ')}`,
    'FROM performance_metrics',
    `WHERE ${conditions.join(' AND ')}`,
    ...(groups.length > 0
      ? [`GROUP BY ${groupBy.flatMap((dimension) => COLUMNS[dimension] ?? []).join(', ')}`]
      : []),
  ];
  // A quoted text, because names can contain line breaks and other characters that a block of YAML can't contain.
  const isPlain = sql.every((line) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(line));
  return [
    `    window: ${window}`,
    ...(isPlain
      ? ['    sql: |', ...sql.map((line) => `      ${line}`)]
      : [`    sql: ${JSON.stringify(sql.join('\n'))}`]),
  ];
}

function formatSummary({ groupBy, unit, description, direction }: RuleInput): string {
  const filter = FILTERS[unit] ?? 'humanize';
  const labels = groupBy.map((name) => `{{ $labels.${toLabel(name)} }}`).join(', ');
  const value = `{{ $value | ${filter} }}`;
  const limit = `{{ $threshold | ${filter} }}`;
  const word = direction === 'below' ? 'minimum' : 'limit';
  // Braces would be read as a template.
  const text = description.replaceAll(/[{}]/g, '');
  return `${labels && `${labels}: `}${text} is ${value} (${word}: ${limit})`;
}

function toLabel(dimension: string): string {
  return LABELS[dimension] ?? dimension;
}

/** Quotes names that YAML would read as another type, such as `404` and `null`. */
function formatName(name: string): string {
  const isText = /^[a-z][a-z0-9._-]*$/.test(name) && !/^(?:true|false|null)$/.test(name);
  return isText ? name : JSON.stringify(name);
}

/** Names can contain letters, digits, `-`, `_`, and `.`. */
export function toRuleName(text: string): string {
  const allowed = text.toLowerCase().replaceAll(/[^a-z0-9._-]+/g, '-');
  const [name = ''] = /[a-z0-9][a-z0-9._-]{0,59}/.exec(allowed) ?? [];
  return name.replace(/[-.]{1,60}$/, '') || 'my-rule';
}

/** JSON texts are valid YAML, also with quotes, colons, and line breaks. */
function formatList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(', ')}]`;
}

function quoteSql(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
