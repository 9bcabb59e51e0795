import { expect, it } from 'vitest';
import type { ReadRows, Row } from '../../../../src/storage/questdb/postgres-wire-reader.ts';
import { queryTableStats } from '../../../../src/storage/questdb/table-stats.ts';

const DAY_MS = 86_400_000;

/** Reads from a QuestDB with two tables and these partitions of the table with measurements. */
function createReader(partitions: readonly Row[]): ReadRows {
  const toTable = (name: string, partitionBy: string) => ({
    table_name: name,
    directoryName: name,
    ttlValue: 0,
    partitionBy,
  });
  return async (_scope, statement) => {
    const text = JSON.stringify(statement);
    if (text.includes('FROM tables()')) {
      return [toTable('alerts', 'DAY'), toTable('schema_migrations', 'YEAR')];
    }
    if (text.includes('schema_migrations')) return [{ minTimestamp: new Date(1000) }];
    return text.includes('alerts') ? [...partitions] : [];
  };
}

const toPartition = (day: number, active = false): Row => ({
  minTimestamp: new Date(day * DAY_MS),
  numRows: 10,
  diskSize: 100,
  active,
});

it('has no time for tables whose timestamps are not times', async () => {
  const stats = await queryTableStats(createReader([toPartition(20_000, true)]));
  expect(stats.map(({ name, oldest }) => [name, oldest])).toEqual([
    ['alerts', new Date(20_000 * DAY_MS)],
    ['schema_migrations', undefined],
  ]);
});

it('computes the growth from full days only', async () => {
  const first = [toPartition(20_000), toPartition(20_001, true)];
  const [beginning] = await queryTableStats(createReader(first));
  expect(beginning?.growth).toBeUndefined();
  const [later] = await queryTableStats(createReader([...first, toPartition(20_002, true)]));
  expect(later?.growth).toBeUndefined();
  const days = [toPartition(20_000), toPartition(20_001), toPartition(20_002, true)];
  const [full] = await queryTableStats(createReader(days));
  expect(full?.growth).toEqual({ bytesPerDay: 100, rowsPerDay: 10 });
});
