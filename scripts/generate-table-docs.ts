// Generates docs/tables.md from the definitions of the tables and roll-ups, and from the descriptions in docs/tables.
import { writeFileSync } from 'node:fs';
import { parseSettings } from '../src/core/config/parse-settings.ts';
import {
  ROLLUP_DEFINITIONS,
  ROLLUP_UNITS,
  type RollupDefinition,
  type RollupUnit,
} from '../src/core/schema/rollup-definitions.ts';
import { formatRollupName } from '../src/core/schema/rollup-names.ts';
import { type Table, toSnakeCase } from '../src/core/schema/table-definition.ts';
import {
  MEASUREMENT_TABLES,
  MIGRATIONS_TABLE,
  STATE_TABLES,
  type TableName,
} from '../src/core/schema/table-registry.ts';
import { formatMarkdownTable } from './docs/markdown.ts';
import { FORECAST_TABLES } from './docs/tables/forecast-tables.ts';
import { METRIC_TABLES } from './docs/tables/metric-tables.ts';
import { METRIC_TYPES } from './docs/tables/metric-types.ts';
import { OBJECTIVE_TABLES } from './docs/tables/objective-tables.ts';
import { PROCESS_TABLES } from './docs/tables/process-tables.ts';
import {
  ACCESS_TABLES,
  ALERT_TABLES,
  BAND_TABLES,
  DEPLOY_TABLES,
  SUGGESTION_TABLES,
} from './docs/tables/state-tables.ts';
import type { ColumnDescription, TableDescriptions } from './docs/tables/table-description.ts';

const PAGE_FILE = 'docs/tables.md';

/** Descriptions of all tables. A missing table is a type error. */
export const TABLE_DESCRIPTIONS: TableDescriptions<TableName> = {
  ...METRIC_TABLES,
  ...PROCESS_TABLES,
  ...ALERT_TABLES,
  ...DEPLOY_TABLES,
  ...SUGGESTION_TABLES,
  ...ACCESS_TABLES,
  ...OBJECTIVE_TABLES,
  ...FORECAST_TABLES,
  ...BAND_TABLES,
};

const DEFAULTS = parseSettings({}).settings;
const LINE_WIDTH = 120;
const UNIT_TEXTS: Readonly<Record<RollupUnit, string>> = {
  '1m': '1 minute',
  '10m': '10 minutes',
  '1h': '1 hour',
  '1d': '1 day',
};

/** Returns the text of docs/tables.md. */
export function formatTableDocs(): string {
  const measurements = MEASUREMENT_TABLES.map((table) => formatTable(table, formatRetention()));
  const states = STATE_TABLES.map((table) => formatTable(table, formatStateRetention(table)));
  return `# Tables and columns

This page describes all tables and roll-ups that Perfscope creates in QuestDB. [sql-cookbook.md](sql-cookbook.md)
contains example SQL statements.

<!-- Generated from src/core/schema and scripts/docs/tables by \`npm run tables\`. Don't edit this file. -->

- **Types:** a \`symbol\` is a string that QuestDB stores only once per column. A \`timestamp\` is in UTC, with a
  precision of 1 µs.
- **Key:** a row replaces an earlier row with the same key. QuestDB has no \`DELETE\`, so Perfscope overwrites rows to
  remove their values.
- **Empty values** are \`NULL\`.
- \`${MIGRATIONS_TABLE}\` contains the applied schema versions. Tables with names such as \`metric_buckets_1m_h20\`
  contain the history of a roll-up that was replaced.

${formatContents()}

## Measurement tables

${measurements.join('\n')}
## Metric types

The column \`metric_type\` of \`performance_metrics\` and \`metric_buckets\` has one of these values.

${formatMetricTypes()}

## State tables

${states.join('\n')}
## Roll-ups

Roll-ups are materialized views that aggregate rows by interval. If the columns of a roll-up change, its new version has
a new name. \`timestamp\` is the start of the interval in UTC. Key columns have the same values as in the table. For all
other columns, the tables below contain the expression that QuestDB computes from the rows of the table. Each coarser
roll-up is computed from the next finer roll-up.

${ROLLUP_DEFINITIONS.map(formatRollups).join('\n')}`;
}

function formatContents(): string {
  const list = (tables: readonly Table[]) =>
    tables.map(({ name }) => `[${name}](#${name})`).join(', ');
  return [
    `**Measurements:** ${list(MEASUREMENT_TABLES)}.`,
    `**State:** ${list(STATE_TABLES)}.`,
    `**[Roll-ups](#roll-ups):** ${ROLLUP_DEFINITIONS.map(({ table }) => `\`${table.name}\``).join(', ')}.`,
  ]
    .map(wrap)
    .join('\n\n');
}

/** Breaks a paragraph into lines, but not inside of code. */
function wrap(text: string): string {
  const lines = [''];
  for (const word of text.match(/(?:`[^`]*`|[^ `])+/g) ?? []) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > LINE_WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}

function formatStateRetention({ ttlMonths }: Table): string {
  return ttlMonths === undefined ? 'rows never expire.' : `${ttlMonths} months.`;
}

function formatRetention(): string {
  return `\`PERFORMANCE_RETENTION_DAYS\`, by default ${DEFAULTS.PERFORMANCE_RETENTION_DAYS} days.`;
}

function formatTable(table: Table, retention: string): string {
  const { row, columns } = TABLE_DESCRIPTIONS[table.name as TableName];
  const key = ['timestamp', ...table.dedupKeys].map(formatColumnName).join(', ');
  const types = Object.entries({ timestamp: 'timestamp', ...table.columns });
  const rows = types.map(([name, type]) => {
    const description = (columns as Readonly<Record<string, ColumnDescription>>)[name]!;
    return [formatColumnName(name), type, description.unit ?? '', formatMeaning(description)];
  });
  return `### ${table.name}

${wrap(row.join(' '))}

${wrap(`**Key:** ${key}. **Retention:** ${retention}`)}

${formatMarkdownTable([['Column', 'Type', 'Unit', 'Meaning'], ...rows])}
`;
}

function formatColumnName(name: string): string {
  return `\`${toSnakeCase(name)}\``;
}

function formatMeaning({ meaning, values }: ColumnDescription): string {
  if (values === undefined) return meaning;
  return `${meaning} Values: ${values.map((value) => `\`${value}\``).join(', ')}.`;
}

function formatMetricTypes(): string {
  const rows = Object.entries(METRIC_TYPES).map(
    ([type, { meaning, kind, unit, endpoint = '', operation = '' }]) => [
      ...[`\`${type}\``, kind, unit, endpoint, operation, meaning],
    ],
  );
  const headers = ['Type', 'Kind', 'Unit', '`endpoint`', '`operation`', 'Meaning'];
  return formatMarkdownTable([headers, ...rows]);
}

function formatRollups(definition: RollupDefinition): string {
  const { table, units, keys, aggregates, where } = definition;
  const views = units.map((unit) => {
    const variable = toRetentionVariable(unit);
    return [
      ...[`\`${formatRollupName(definition, unit)}\``, UNIT_TEXTS[unit]],
      `${ROLLUP_UNITS[unit].refreshIntervalMs / 60_000} min`,
      `\`${variable}\` (${DEFAULTS[variable]} days)`,
    ];
  });
  const columns = groupAggregates(table, Object.entries(aggregates)).map(([names, expressions]) => [
    names.map((name) => `\`${name}\``).join(', '),
    expressions.map((expression) => `\`${expression}\``).join(', '),
  ]);
  return `### Roll-ups of ${table.name}

${formatMarkdownTable([['Roll-up', 'Interval', 'Refresh interval', 'Retention'], ...views])}

${wrap(`**Key columns:** ${keys.map((key) => `\`${key}\``).join(', ')}.`)}

**Rows:** rows of the table that match \`${where}\`.

${formatMarkdownTable([['Column', 'Expression'], ...columns])}
`;
}

function toRetentionVariable(unit: RollupUnit) {
  return ROLLUP_UNITS[unit].ms < ROLLUP_UNITS['1h'].ms
    ? 'PERFORMANCE_RETENTION_MINUTE_DAYS'
    : 'PERFORMANCE_RETENTION_HOUR_DAYS';
}

/** Puts the sum, the number, and the maximum of one column of the table into one line. */
function groupAggregates(
  table: Table,
  aggregates: readonly (readonly [name: string, expression: string])[],
): (readonly [names: string[], expressions: string[]])[] {
  const columns = Object.keys(table.columns).map(toSnakeCase);
  const groups = Map.groupBy(
    aggregates,
    ([name]) => columns.find((each) => name.replace(/_(sum|count|max)$/, '') === each) ?? name,
  );
  return [...groups.values()].map(
    (group) => [group.map(([name]) => name), group.map(([, expression]) => expression)] as const,
  );
}

if (import.meta.main) writeFileSync(PAGE_FILE, formatTableDocs());
