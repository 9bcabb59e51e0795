import { setImmediate as nextTurn } from 'node:timers/promises';
import { Sender } from '@questdb/nodejs-client';
import type { WriteTarget } from '../../src/core/config/questdb-targets.ts';
import { toSnakeCase } from '../../src/core/schema/table-definition.ts';
import {
  type PerformanceMetricRow,
  performanceMetricsTable,
} from '../../src/core/schema/tables/performance-metrics-table.ts';

/** Writes the same columns as Perfscope with QuestDB's own client and its default flush settings. */
export async function writeWithClient(
  { url, authorization = '' }: WriteTarget,
  rows: readonly PerformanceMetricRow[],
  rowsPerTurn: number,
): Promise<void> {
  const [user, password] = Buffer.from(authorization.replace('Basic ', ''), 'base64')
    .toString()
    .split(':');
  const sender = await Sender.fromConfig(
    `http::addr=${new URL(url).host};username=${user};password=${password}`,
  );
  const columns = Object.entries(performanceMetricsTable.columns).map(
    ([property, type]) =>
      [property as keyof PerformanceMetricRow, toSnakeCase(property), type] as const,
  );
  const symbols = columns.filter(([, , type]) => type === 'symbol');
  const fields = columns.filter(([, , type]) => type !== 'symbol');
  for (const [i, row] of rows.entries()) {
    sender.table('performance_metrics');
    for (const [property, column] of symbols) {
      if (row[property] !== undefined) sender.symbol(column, row[property]);
    }
    for (const [property, column, type] of fields) {
      const value = row[property];
      if (value === undefined) continue;
      if (type === 'double') sender.floatColumn(column, value as number);
      else if (type === 'long') sender.intColumn(column, value as number);
      else if (type === 'boolean') sender.booleanColumn(column, value as boolean);
      else sender.stringColumn(column, value as string);
    }
    await sender.at(row.timestamp, 'ms');
    if (i % rowsPerTurn === 0) await nextTurn();
  }
  await sender.flush();
  await sender.close();
}
