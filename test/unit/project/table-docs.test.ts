import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { METRIC_TYPES } from '../../../scripts/docs/tables/metric-types.ts';
import type { ColumnDescription } from '../../../scripts/docs/tables/table-description.ts';
import { formatTableDocs, TABLE_DESCRIPTIONS } from '../../../scripts/generate-table-docs.ts';
import { PerformanceMetricType } from '../../../src/core/schema/enums.ts';
import { ROLLUP_DEFINITIONS } from '../../../src/core/schema/rollup-definitions.ts';
import { formatRollupName } from '../../../src/core/schema/rollup-names.ts';
import type { Table } from '../../../src/core/schema/table-definition.ts';
import { MEASUREMENT_TABLES, STATE_TABLES } from '../../../src/core/schema/table-registry.ts';

const TABLES: readonly Table[] = [...MEASUREMENT_TABLES, ...STATE_TABLES];
const page = readFileSync('docs/tables.md', 'utf8');

it('docs/tables.md matches the code (run "npm run tables" to update it)', () => {
  expect(page).toBe(formatTableDocs());
});

it('describes exactly the columns of each table, in full sentences', () => {
  expect(Object.keys(TABLE_DESCRIPTIONS).toSorted()).toEqual(
    TABLES.map(({ name }) => name).toSorted(),
  );
  for (const { name, columns } of TABLES) {
    const description = TABLE_DESCRIPTIONS[name as keyof typeof TABLE_DESCRIPTIONS];
    const described = description.columns as Readonly<Record<string, ColumnDescription>>;
    expect(Object.keys(described).toSorted(), name).toEqual(
      ['timestamp', ...Object.keys(columns)].toSorted(),
    );
    const texts = [...description.row, ...Object.values(described).map(({ meaning }) => meaning)];
    for (const text of texts) expect(text).toMatch(/^[^|\n]+\.$/);
  }
});

it('describes each metric type', () => {
  expect(Object.keys(METRIC_TYPES)).toEqual(Object.keys(PerformanceMetricType));
  for (const { meaning } of Object.values(METRIC_TYPES)) expect(meaning).toMatch(/^[^|\n]+\.$/);
});

it('both pages have the current name of each roll-up', () => {
  const cookbook = readFileSync('docs/sql-cookbook.md', 'utf8');
  const names = ROLLUP_DEFINITIONS.flatMap((definition) =>
    definition.units.map((unit) => formatRollupName(definition, unit)),
  );
  for (const text of [page, cookbook]) {
    const mentioned = text.match(/\b[a-z]+_[a-z]+_\d+[mhd]_v\d+\b/g);
    expect([...new Set(mentioned)].toSorted()).toEqual(names.toSorted());
  }
});
