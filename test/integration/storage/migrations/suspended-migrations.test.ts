import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { SchemaRepairJob } from '../../../../src/storage/migrations/schema-repair-job.ts';
import { StorageMonitor } from '../../../../src/storage/questdb/storage-monitor.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { suspendTable } from '../../../support/suspend-table.ts';
import { waitFor } from '../../../support/wait-for.ts';

const questdb = new ExternalQuestdb({ isShared: true });

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
});
afterAll(() => questdb.remove());

it('resumes the table with the versions of the schema, and reports no repair in the meantime', async () => {
  const warnings: string[] = [];
  const log = { info: () => {}, error: () => {}, warn: (text: string) => void warnings.push(text) };
  const monitor = new StorageMonitor({ target: () => questdb.target, read: async () => [], log });
  const job = new SchemaRepairJob({
    target: () => questdb.target,
    retention: DEFAULT_RETENTION,
    isStoringRows: () => true,
    log,
  });
  await questdb.sql('TRUNCATE TABLE schema_migrations');
  await suspendTable(questdb, 'schema_migrations');
  await job.runOnce();
  expect(warnings).toEqual([]);
  await waitFor(async () => {
    await monitor.tick();
    const [[suspended] = []] = await questdb.sql(
      "SELECT suspended FROM wal_tables() WHERE name = 'schema_migrations'",
    );
    const [[versions] = []] = await questdb.sql('SELECT count() FROM schema_migrations');
    return suspended === false && versions === 6;
  });
  expect(warnings).toEqual([expect.stringContaining('schema_migrations')]);
});
