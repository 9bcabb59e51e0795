import { afterAll, beforeAll, expect, it } from 'vitest';
import { toSnakeCase } from '../../../../src/core/schema/table-definition.ts';
import { MEASUREMENT_TABLES, STATE_TABLES } from '../../../../src/core/schema/table-registry.ts';
import {
  createRollups,
  migrate,
  migrateTables,
} from '../../../../src/storage/migrations/migrate.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitForWal } from '../../../support/wait-for-rollups.ts';

const questdb = new ExternalQuestdb({ isShared: true });
/** Repairs the tables after QuestDB has applied all changes. */
async function repair() {
  await waitForWal(questdb);
  return migrateTables(questdb.target, DEFAULT_RETENTION);
}

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
});
afterAll(() => questdb.remove());

async function readColumns(table: string): Promise<Record<string, string>> {
  await waitForWal(questdb);
  const rows = await questdb.sql(
    `SELECT "column", type, upsertKey FROM table_columns('${table}') ORDER BY "column"`,
  );
  return Object.fromEntries(rows.map(([name, type, key]) => [name, key ? `${type} key` : type]));
}

it('finds nothing to repair in a new schema', async () => {
  const report = { version: 6, applied: [], repaired: [], conflicts: [] };
  expect(await migrate(questdb.target, DEFAULT_RETENTION)).toEqual(report);
});

it.each([...MEASUREMENT_TABLES, ...STATE_TABLES])(
  'creates the dropped table $name again',
  async ({ name }) => {
    const before = await readColumns(name);
    await questdb.sql(`DROP TABLE ${name}`);
    expect((await repair()).applied).toEqual([`table ${name}`]);
    expect(await readColumns(name)).toEqual(before);
  },
);

it.each([...MEASUREMENT_TABLES, ...STATE_TABLES])(
  'adds the dropped and renamed columns of $name again, and keeps the renamed data',
  async ({ name, columns, dedupKeys }) => {
    const before = await readColumns(name);
    const key = toSnakeCase(dedupKeys[0]!);
    const last = toSnakeCase(
      Object.keys(columns).findLast((column) => !dedupKeys.includes(column))!,
    );
    await questdb.sql(`ALTER TABLE ${name} RENAME COLUMN ${key} TO mine`);
    await questdb.sql(`ALTER TABLE ${name} DROP COLUMN ${last}`);
    expect((await repair()).applied.toSorted()).toEqual(
      [`column ${name}.${key}`, `column ${name}.${last}`, `dedup keys of ${name}`].toSorted(),
    );
    const type = before[key]!.replace(' key', '');
    expect(await readColumns(name)).toEqual({ ...before, mine: type });
    expect((await repair()).applied).toEqual([]);
  },
);

it('enables deduplication again', async () => {
  const before = await readColumns('queue_metrics');
  await questdb.sql('ALTER TABLE queue_metrics DEDUP DISABLE');
  expect((await repair()).applied).toEqual(['dedup keys of queue_metrics']);
  expect(await readColumns('queue_metrics')).toEqual(before);
});

it('keeps the tables, columns, and dedup keys that users added', async () => {
  await questdb.sql(
    'CREATE TABLE mine (timestamp TIMESTAMP, n LONG) TIMESTAMP(timestamp) PARTITION BY DAY WAL',
  );
  await questdb.sql('ALTER TABLE system_health ADD COLUMN note VARCHAR');
  await questdb.sql(
    'ALTER TABLE system_health DEDUP ENABLE UPSERT KEYS(timestamp, service, instance, note)',
  );
  const before = await readColumns('system_health');
  expect(await repair()).toMatchObject({ applied: [], conflicts: [] });
  expect(await readColumns('system_health')).toEqual(before);
  expect(await readColumns('mine')).toEqual({ timestamp: 'TIMESTAMP', n: 'LONG' });
});

it('repairs the same schema from several processes at once', async () => {
  await questdb.sql('DROP TABLE metric_buckets');
  await questdb.sql('ALTER TABLE performance_metrics DROP COLUMN tags');
  await questdb.sql('ALTER TABLE performance_metrics DROP COLUMN user_id');
  await questdb.sql('ALTER TABLE queue_metrics DEDUP DISABLE');
  await waitForWal(questdb);
  const reports = await Promise.all(
    Array.from({ length: 8 }, () => migrateTables(questdb.target, DEFAULT_RETENTION)),
  );
  expect(reports.flatMap(({ conflicts }) => conflicts)).toEqual([]);
  expect((await repair()).applied).toEqual([]);
});

it('reports a column with another type, and repairs the table after the rename', async () => {
  await questdb.sql('ALTER TABLE queue_metrics DROP COLUMN duration');
  await questdb.sql('ALTER TABLE queue_metrics ADD COLUMN duration LONG');
  const report = await repair();
  expect(report.applied).toEqual([]);
  expect(report.conflicts.map(({ message }) => message)).toEqual([
    'The column duration of the table queue_metrics has the type LONG instead of DOUBLE, so QuestDB can reject rows. Perfscope creates a new column after you run this statement in the QuestDB console: ALTER TABLE queue_metrics RENAME COLUMN duration TO duration_old;',
  ]);
  await questdb.sql('ALTER TABLE queue_metrics RENAME COLUMN duration TO duration_old');
  expect(await repair()).toMatchObject({
    applied: ['column queue_metrics.duration'],
    conflicts: [],
  });
});

it('accepts text columns of other text types', async () => {
  await questdb.sql('ALTER TABLE queue_metrics DROP COLUMN job_type');
  await questdb.sql('ALTER TABLE queue_metrics ADD COLUMN job_type VARCHAR');
  expect(await repair()).toMatchObject({ applied: [], conflicts: [] });
});

it('reports a table that is not a WAL table, and a table with the name of a roll-up', async () => {
  await questdb.sql('DROP TABLE silences');
  await questdb.sql(
    'CREATE TABLE silences (timestamp TIMESTAMP, id VARCHAR) TIMESTAMP(timestamp) PARTITION BY DAY BYPASS WAL',
  );
  expect((await repair()).conflicts.map(({ message }) => message)).toEqual([
    expect.stringContaining('The table silences is not a WAL table'),
  ]);
  await questdb.sql('RENAME TABLE silences TO silences_old');
  expect((await repair()).applied).toEqual(['table silences']);

  await questdb.sql('DROP MATERIALIZED VIEW system_health_1h_v2');
  await questdb.sql('CREATE TABLE system_health_1h_v2 (n LONG)');
  const { conflicts } = await createRollups(questdb.target, DEFAULT_RETENTION);
  expect(conflicts.map(({ message }) => message)).toEqual([
    expect.stringContaining('RENAME TABLE system_health_1h_v2 TO system_health_1h_v2_old'),
  ]);
  await questdb.sql('RENAME TABLE system_health_1h_v2 TO system_health_1h_v2_old');
  const { created } = await createRollups(questdb.target, DEFAULT_RETENTION);
  expect(created).toEqual(['system_health_1h_v2']);
});

it('reports a table that cannot have roll-ups, and does not fail', async () => {
  await questdb.sql('DROP MATERIALIZED VIEW system_health_1h_v2');
  await questdb.sql('DROP MATERIALIZED VIEW system_health_1m_v2');
  await questdb.sql('DROP TABLE system_health');
  await questdb.sql(
    'CREATE TABLE system_health (timestamp TIMESTAMP) TIMESTAMP(timestamp) PARTITION BY DAY BYPASS WAL',
  );
  const report = await migrate(questdb.target, DEFAULT_RETENTION);
  expect(report.conflicts.map(({ message }) => message)).toEqual([
    expect.stringContaining('The table system_health is not a WAL table'),
  ]);
  await questdb.sql('RENAME TABLE system_health TO system_health_old');
  const repaired = await migrate(questdb.target, DEFAULT_RETENTION);
  expect(repaired).toMatchObject({
    applied: ['table system_health', 'system_health_1m_v2', 'system_health_1h_v2'],
    conflicts: [],
  });
});
