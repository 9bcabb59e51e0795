import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { parseRollupHistory } from '../../../../src/core/schema/rollup-history.ts';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { readRollups } from '../../../../src/storage/migrations/read-rollups.ts';
import { pruneRollupHistories } from '../../../../src/storage/migrations/rollup-history-tables.ts';
import { BUCKETS_TABLE, COUNT } from '../../../../src/storage/queries/aggregation-tables.ts';
import { queryTotals } from '../../../../src/storage/queries/operation-totals.ts';
import { runQuery } from '../../../../src/storage/queries/run-query.ts';
import { QuestdbReader } from '../../../../src/storage/questdb/postgres-wire-reader.ts';
import { CatalogReader } from '../../../../src/storage/questdb/table-catalog.ts';
import { createRepairJob } from '../../../support/create-repair-job.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitFor } from '../../../support/wait-for.ts';
import { waitForRollups, waitForWal } from '../../../support/wait-for-rollups.ts';

const NOW = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const questdb = new ExternalQuestdb();
let reader: QuestdbReader;
let written = 0;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  reader = new QuestdbReader(questdb.readTarget);
});
afterAll(async () => {
  await reader.close();
  await questdb.remove();
});

/** Inserts one bucket row per minute, each with a count of 2. */
async function writeBuckets(service: string, fromMs: number, rows: number): Promise<void> {
  const start = new Date(fromMs).toISOString();
  await questdb.sql(`INSERT INTO metric_buckets
    (timestamp, point, metric_type, name, service, bucket_upper, count, error_count, test)
    SELECT dateadd('m', (x - 1)::int, '${start}'), x + ${written}, 'API_RESPONSE_TIME', '${service}',
      '${service}', 8, 2, 1, false FROM long_sequence(${rows})`);
  written += rows;
}

/** Inserts one request per minute of the endpoint, each with a count of 1. */
async function writeRequests(service: string, fromMs: number, rows: number): Promise<void> {
  const start = new Date(fromMs).toISOString();
  await questdb.sql(`INSERT INTO performance_metrics
    (timestamp, id, metric_type, name, endpoint, service, value, count, error_count, sum, min, max, test)
    SELECT dateadd('m', (x - 1)::int, '${start}'), concat('${service}', x + ${written}),
      'API_RESPONSE_TIME', '${service}', '/${service}', '${service}', 10, 1, 0, 10, 10, 10, false
    FROM long_sequence(${rows})`);
  written += rows;
}

function createQueryClient() {
  const { getCatalog } = new CatalogReader(reader.read);
  return { read: reader.read, getCatalog: () => getCatalog() };
}

const toQuery = (service: string, fromMs: number, toMs: number) => ({
  scope: UNRESTRICTED_SCOPE,
  range: { fromMs, toMs },
  filter: { service: [service] },
});

async function countBuckets(service: string, fromMs: number, toMs = NOW + HOUR_MS) {
  const query = toQuery(service, fromMs, toMs);
  const results = await runQuery(createQueryClient(), BUCKETS_TABLE, query, {
    aggregations: { count: COUNT },
  });
  return results.reduce((sum, { row }) => sum + Number(row.count), 0);
}

async function waitUntilInvalid(table: string): Promise<void> {
  await waitFor(async () => {
    const { rollups } = await readRollups(questdb.target);
    const ofTable = rollups.filter(({ definition }) => definition.table.name === table);
    return ofTable.length > 0 && ofTable.every(({ isInvalid }) => isInvalid);
  });
}

/** Repairs the roll-ups until all are valid and contain all rows. */
async function repairAll(): Promise<string[]> {
  const { repair, warnings } = createRepairJob(questdb);
  await waitFor(async () => {
    await repair();
    await migrate(questdb.target, DEFAULT_RETENTION);
    const { rollups } = await readRollups(questdb.target);
    return rollups.every(({ isInvalid }) => !isInvalid);
  });
  await waitForRollups(questdb);
  return warnings;
}

async function dropBuckets(): Promise<void> {
  await questdb.sql('DROP TABLE metric_buckets');
  await migrate(questdb.target, DEFAULT_RETENTION);
  await waitUntilInvalid('metric_buckets');
}

it('keeps the history of a dropped table in all units, and adds the rows of the new table', async () => {
  // The roll-ups still contain 60 days, and the last hour is not complete in the coarser ones.
  await writeBuckets('kept', NOW - 20 * DAY_MS, 600);
  await writeBuckets('kept', NOW - 3 * HOUR_MS, 170);
  await waitForRollups(questdb);
  await writeBuckets('kept', NOW - 10 * MINUTE_MS, 5);
  await waitForWal(questdb);
  await waitFor(async () => {
    await questdb.sql('REFRESH MATERIALIZED VIEW metric_buckets_1m_v2 INCREMENTAL');
    const [[rows] = []] = await questdb.sql('SELECT count() FROM metric_buckets_1m_v2');
    return rows === 775;
  });
  await dropBuckets();
  // A service sends rows that it has kept for 2 hours, rows of the last minute again, and new rows.
  await writeBuckets('kept', NOW - 2 * HOUR_MS, 10);
  await writeBuckets('kept', NOW - 6 * MINUTE_MS, 1);
  await writeBuckets('kept', NOW - 5 * MINUTE_MS, 4);
  await waitForWal(questdb);
  const warnings = await repairAll();
  const history = (await questdb.sql('SELECT table_name FROM tables()'))
    .map(([name]) => String(name))
    .filter((name) => /^metric_buckets_.*_h\d+$/.test(name));
  expect(history).toHaveLength(4);
  expect(warnings[0]).toContain('base table is dropped or renamed');
  expect(warnings[0]).toContain(history.find((name) => name.startsWith('metric_buckets_1m_'))!);
  // The minute that was sent again is counted once.
  const total = 2 * (775 + 10 + 4);
  expect(await countBuckets('kept', NOW - 60 * DAY_MS)).toBe(total);
  // 600 rows of the oldest day are only in the coarse history.
  expect(await countBuckets('kept', NOW - 10 * DAY_MS)).toBe(total - 1200);
  expect(await countBuckets('kept', NOW - 2 * HOUR_MS, NOW - HOUR_MS)).toBe(2 * (60 + 10));
  // A short range before the drop.
  expect(await countBuckets('kept', NOW - 100 * MINUTE_MS, NOW - 80 * MINUTE_MS)).toBe(40);
  const coarse = await questdb.sql(
    `SELECT sum(count) FROM ${history.find((name) => name.startsWith('metric_buckets_1d_'))}`,
  );
  expect(coarse).toEqual([[2 * 774]]);
});

it('keeps the history when the same table is dropped again, and after QuestDB restarts', async () => {
  const before = await countBuckets('kept', NOW - 60 * DAY_MS);
  await dropBuckets();
  await writeBuckets('kept', NOW, 3);
  await waitForWal(questdb);
  await repairAll();
  expect(await countBuckets('kept', NOW - 60 * DAY_MS)).toBe(before + 6);
  await reader.close();
  await questdb.kill();
  await questdb.start();
  await reader.setTarget(questdb.readTarget);
  expect(await countBuckets('kept', NOW - 60 * DAY_MS)).toBe(before + 6);
});

it('finishes a replacement that was interrupted, without counting anything twice', async () => {
  const before = await countBuckets('kept', NOW - 60 * DAY_MS);
  await dropBuckets();
  const { rollups } = await readRollups(questdb.target);
  // The server was killed after it had replaced the first roll-up.
  const ofBuckets = rollups.filter(({ definition }) => definition.table.name === 'metric_buckets');
  for (const { name, id } of ofBuckets) {
    await questdb.sql(
      `CREATE TABLE ${name}_h${id} AS (SELECT * FROM ${name}) TIMESTAMP(timestamp) PARTITION BY DAY WAL`,
    );
  }
  await waitForWal(questdb);
  await questdb.sql('DROP MATERIALIZED VIEW metric_buckets_1m_v2');
  await migrate(questdb.target, DEFAULT_RETENTION);
  await repairAll();
  expect(await countBuckets('kept', NOW - 60 * DAY_MS)).toBe(before);
  expect(await countBuckets('kept', NOW - 10 * DAY_MS)).toBe(before - 1200);
});

it('keeps the values of a renamed column', async () => {
  await writeRequests('shop', NOW - 5 * DAY_MS, 120);
  await waitForRollups(questdb);
  await questdb.sql('ALTER TABLE performance_metrics RENAME COLUMN endpoint TO mine');
  await waitForWal(questdb);
  await migrate(questdb.target, DEFAULT_RETENTION);
  await waitUntilInvalid('performance_metrics');
  await writeRequests('shop', NOW - 5 * MINUTE_MS, 3);
  await waitForWal(questdb);
  await repairAll();
  const query = { ...toQuery('shop', NOW - 6 * DAY_MS, NOW), groupBy: ['endpoint'] as const };
  const totals = await queryTotals(createQueryClient(), query, {
    metricType: 'API_RESPONSE_TIME',
  });
  const counts = new Map(totals.map(({ group, count }) => [group.endpoint, count]));
  // The base can't tell which rows of the last minute before the change came before it.
  expect(counts).toEqual(
    new Map([
      ['/shop', 122],
      [undefined, 1],
    ]),
  );
});

it('repairs the roll-ups of other tables if one repair fails, and tries again later', async () => {
  await writeBuckets('blocked', NOW, 1);
  await questdb.sql(
    "INSERT INTO queue_metrics (timestamp, id, service) VALUES (now(), 'a', 'blocked')",
  );
  await waitForRollups(questdb);
  const { ids } = await readRollups(questdb.target);
  // QuestDB rejects the statement that drops the incomplete history.
  const blocker = `metric_buckets_1m_v2_h${ids.get('metric_buckets_1m_v2')}_part`;
  await questdb.sql(
    `CREATE MATERIALIZED VIEW ${blocker} WITH BASE system_health REFRESH MANUAL AS (SELECT timestamp, count() AS n FROM system_health SAMPLE BY 1h) PARTITION BY DAY`,
  );
  const before = await countBuckets('kept', NOW - 60 * DAY_MS);
  await dropBuckets();
  await questdb.sql('DROP TABLE queue_metrics');
  await migrate(questdb.target, DEFAULT_RETENTION);
  await waitUntilInvalid('queue_metrics');
  const { repair, warnings } = createRepairJob(questdb);
  const listInvalid = async () =>
    (await readRollups(questdb.target)).rollups
      .filter(({ isInvalid }) => isInvalid)
      .map(({ name }) => name);
  await waitFor(async () => {
    await repair();
    return !(await listInvalid()).some((name) => name.startsWith('queue_metrics'));
  });
  expect(await listInvalid()).toContain('metric_buckets_1m_v2');
  expect(warnings.filter((line) => line.includes('could not repair it'))).toHaveLength(1);
  await questdb.sql(`DROP MATERIALIZED VIEW ${blocker}`);
  await repairAll();
  expect(await countBuckets('kept', NOW - 60 * DAY_MS)).toBe(before);
});

it('deletes intervals of the history after the retention of the roll-up', async () => {
  const listHistories = async () =>
    (await questdb.sql('SELECT table_name FROM tables()'))
      .map(([name]) => String(name))
      .filter((name) => /_[hc]\d+$/.test(name));
  const names = await listHistories();
  const [oldest = ''] = names
    .filter((name) => name.startsWith('metric_buckets_1m_'))
    .sort((a, b) => parseRollupHistory(a)!.viewId - parseRollupHistory(b)!.viewId);
  const count = async () => Number((await questdb.sql(`SELECT count() FROM ${oldest}`))[0]![0]);
  const before = await count();
  const prune = async (nowMs: number) => {
    await pruneRollupHistories(questdb.target, names, DEFAULT_RETENTION, nowMs);
    await waitForWal(questdb);
  };
  await prune(NOW);
  expect(await count()).toBe(before);
  await prune(NOW + (DEFAULT_RETENTION.minuteDays - 2) * DAY_MS);
  expect(await count()).toBe(before - 600);
  await prune(NOW + 10_000 * DAY_MS);
  expect(await listHistories()).toEqual([]);
});
