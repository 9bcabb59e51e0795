import { type Table, toSnakeCase } from './column.ts';

/** `CREATE TABLE IF NOT EXISTS` of a measurement table whose rows live for `retentionDays`. */
export function createTable(table: Table, retentionDays: number): string {
  const columns = Object.entries(table.columns)
    .map(([name, type]) => `${toSnakeCase(name)} ${type.toUpperCase()}`)
    .join(', ');
  const keys = ['timestamp', ...table.dedupKeys.map(toSnakeCase)].join(', ');
  return [
    `CREATE TABLE IF NOT EXISTS ${table.name} (timestamp TIMESTAMP, ${columns})`,
    `TIMESTAMP(timestamp) PARTITION BY DAY TTL ${retentionDays} DAYS WAL`,
    `DEDUP UPSERT KEYS(${keys})`,
  ].join(' ');
}

/** The statement that makes `table` keep its rows for `retentionDays`. */
export function setRetention(table: Table, retentionDays: number): string {
  return ['ALTER TABLE', table.name, 'SET TTL', String(retentionDays), 'DAYS'].join(' ');
}
