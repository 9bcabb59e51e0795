import { type Table, toSnakeCase } from './column.ts';

/** `CREATE TABLE IF NOT EXISTS` of a measurement table whose rows live for `retentionDays`. */
export function createTable(table: Table, retentionDays: number): string {
  return create(table, `PARTITION BY DAY TTL ${retentionDays} DAYS`);
}

/** The same of a table of states, whose rows are kept for ever. */
export function createStateTable(table: Table): string {
  return create(table, 'PARTITION BY MONTH');
}

function create(table: Table, partitions: string): string {
  const columns = Object.entries(table.columns)
    .map(([name, type]) => `${toSnakeCase(name)} ${type.toUpperCase()}`)
    .join(', ');
  const keys = ['timestamp', ...table.dedupKeys.map(toSnakeCase)].join(', ');
  return [
    `CREATE TABLE IF NOT EXISTS ${table.name} (timestamp TIMESTAMP, ${columns})`,
    `TIMESTAMP(timestamp) ${partitions} WAL`,
    `DEDUP UPSERT KEYS(${keys})`,
  ].join(' ');
}
