import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../../src/core/duration.ts';
import { ROLLUP_DEFINITIONS } from '../../../../src/core/schema/rollup-definitions.ts';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { applyRetention } from '../../../../src/storage/migrations/apply-retention.ts';
import { createRollups, migrate } from '../../../../src/storage/migrations/migrate.ts';
import { BUCKETS_TABLE, COUNT } from '../../../../src/storage/queries/aggregation-tables.ts';
import { queryTotals } from '../../../../src/storage/queries/operation-totals.ts';
import { planSegments } from '../../../../src/storage/queries/rollup-selection.ts';
import { runQuery } from '../../../../src/storage/queries/run-query.ts';
import { QuestdbReader } from '../../../../src/storage/questdb/postgres-wire-reader.ts';
import { CatalogReader } from '../../../../src/storage/questdb/table-catalog.ts';
import { createRepairJob } from '../../../support/create-repair-job.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { expectRows } from '../../../support/expect-rows.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitFor } from '../../../support/wait-for.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

/** Midnight (UTC) before the test started. */
const TODAY_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const questdb = new ExternalQuestdb();
let reader: QuestdbReader;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  reader = new QuestdbReader(questdb.readTarget);
});
afterAll(async () => {
  await reader.close();
  await questdb.remove();
});

/** Inserts one row per minute for one hour of a past day, each with one request that took `ms`. */
async function write(name: string, daysAgo: number, ms: number, hour = 1): Promise<void> {
  const start = new Date(TODAY_MS - daysAgo * DAY_MS + hour * HOUR_MS).toISOString();
  await questdb.sql(`INSERT INTO performance_metrics
    (timestamp, id, metric_type, name, service, value, count, error_count, sum, min, max, test)
    SELECT dateadd('m', (x - 1)::int, '${start}'), concat('${name}-${daysAgo}-', x),
      'API_RESPONSE_TIME', '${name}', '${name}', ${ms}, 1, 0, ${ms}, ${ms}, ${ms}, false
    FROM long_sequence(60)`);
}

const selectSums = (view: string, name: string) => () =>
  questdb.sql(`SELECT count(), sum(count), sum(sum) FROM ${view} WHERE name = '${name}'`);

it('adds late rows to the minute and hour roll-ups, and ignores resent rows', async () => {
  await write('early', 1, 10);
  await expectRows(selectSums('performance_metrics', 'early'), [[60, 60, 600]]);
  await waitForRollups(questdb);
  await write('late', 2, 20);
  await expectRows(selectSums('performance_metrics', 'late'), [[60, 60, 1200]]);
  await waitForRollups(questdb);
  await expectRows(selectSums('performance_metrics_1m_v3', 'late'), [[60, 60, 1200]]);
  await expectRows(selectSums('performance_metrics_1h_v3', 'late'), [[1, 60, 1200]]);
  await write('late', 2, 20);
  await expectRows(selectSums('performance_metrics', 'late'), [[60, 60, 1200]]);
  await waitForRollups(questdb);
  await expectRows(selectSums('performance_metrics_1m_v3', 'late'), [[60, 60, 1200]]);
  await expectRows(selectSums('performance_metrics_1h_v3', 'late'), [[1, 60, 1200]]);
});

it('rolls up buckets, including late rows, to 1m, 10m, 1h, and 1d, and reads the coarsest roll-up', async () => {
  const writeBuckets = (name: string, daysAgo: number) =>
    questdb.sql(`INSERT INTO metric_buckets
      (timestamp, point, metric_type, name, service, bucket_upper, count, error_count, test)
      SELECT dateadd('m', (x - 1)::int, '${new Date(TODAY_MS - daysAgo * DAY_MS).toISOString()}'), x,
        'API_RESPONSE_TIME', '${name}', '${name}', 8, 2, 1, false
      FROM long_sequence(1440)`);
  const selectCounts = (view: string) => () =>
    questdb.sql(`SELECT count(), sum(count), sum(error_count) FROM ${view} WHERE name = 'buckets'`);
  for (const [i, daysAgo] of [2, 4].entries()) {
    await writeBuckets('buckets', daysAgo);
    const days = i + 1;
    await expectRows(selectCounts('metric_buckets'), [[days * 1440, days * 2880, days * 1440]]);
    await waitForRollups(questdb);
    for (const [view, rows] of [
      ['metric_buckets_1m_v2', 1440],
      ['metric_buckets_10m_v2', 144],
      ['metric_buckets_1h_v2', 24],
      ['metric_buckets_1d_v2', 1],
    ] as const) {
      await expectRows(selectCounts(view), [[days * rows, days * 2880, days * 1440]]);
    }
  }
  const catalog = await new CatalogReader(reader.read).getCatalog();
  const stored = catalog.get('metric_buckets') ?? [];
  const range = { fromMs: TODAY_MS - 5 * DAY_MS + 61_000, toMs: TODAY_MS - 2 * DAY_MS + 1 };
  expect(planSegments(stored, range).map(({ name }) => name)).toEqual([
    'metric_buckets',
    'metric_buckets_1m_v2',
    'metric_buckets_10m_v2',
    'metric_buckets_1h_v2',
    'metric_buckets_1d_v2',
    'metric_buckets',
  ]);
});

it('keeps the old version of a changed roll-up, and reads both versions after rows have expired', async () => {
  for (const daysAgo of [6, 5, 4, 3, 2, 1]) await write('kept', daysAgo, daysAgo * 10);
  await waitForRollups(questdb);
  // The rows of the oldest days expire.
  const shortRetention = { ...DEFAULT_RETENTION, rawDays: 3 };
  await applyRetention(questdb.target, shortRetention);
  await write('later', 0, 1, 0);
  await expectRows(
    () => questdb.sql("SELECT count() FROM performance_metrics WHERE name = 'kept'"),
    [[180]],
  );
  const changed = ROLLUP_DEFINITIONS.map((definition) =>
    definition.table.name === 'performance_metrics'
      ? {
          ...definition,
          version: 4,
          aggregates: { ...definition.aggregates, value_min: 'min(value)' },
        }
      : definition,
  );
  const { created } = await createRollups(questdb.target, shortRetention, changed);
  expect(created).toEqual(['performance_metrics_1m_v4', 'performance_metrics_1h_v4']);
  await waitForRollups(questdb);
  await expectRows(
    () => questdb.sql("SELECT count() FROM performance_metrics_1h_v4 WHERE name = 'kept'"),
    [[3]],
  );
  const { getCatalog } = new CatalogReader(reader.read);
  const queryClient = { read: reader.read, getCatalog: () => getCatalog() };
  const names = (await getCatalog()).get('performance_metrics')?.map(({ name }) => name);
  expect(names).toEqual([
    'performance_metrics',
    'performance_metrics_1m_v4',
    'performance_metrics_1m_v3',
    'performance_metrics_1h_v4',
    'performance_metrics_1h_v3',
  ]);
  const query = {
    scope: UNRESTRICTED_SCOPE,
    range: { fromMs: TODAY_MS - 7 * DAY_MS, toMs: TODAY_MS },
    filter: { service: ['kept'] },
  };
  const selector = { metricType: 'API_RESPONSE_TIME' } as const;
  const [all] = await queryTotals(queryClient, query, selector);
  expect(all).toMatchObject({ count: 360, average: 35, min: 10, max: 60 });
  const byDay = await queryTotals(
    queryClient,
    { ...query, step: { ms: DAY_MS, zone: 'utc' } },
    selector,
  );
  expect(
    byDay.map(({ bucket, count, average }) => [bucket?.fromMs, count, average]).sort(),
  ).toEqual([6, 5, 4, 3, 2, 1].map((ago) => [TODAY_MS - ago * DAY_MS, 60, ago * 10]));
  // Minutes from both the old and the new version.
  for (const daysAgo of [5, 2]) {
    const fromMs = TODAY_MS - daysAgo * DAY_MS + HOUR_MS + 10 * 60_000;
    const part = { ...query, range: { fromMs, toMs: fromMs + 40 * 60_000 } };
    expect(await queryTotals(queryClient, part, selector)).toMatchObject([
      { count: 40, min: daysAgo * 10 },
    ]);
  }
});

it('applies a new retention to tables and all roll-up versions', async () => {
  const selectTtls = () =>
    questdb.sql(`SELECT table_name, ttlValue, ttlUnit FROM tables()
      WHERE table_name LIKE 'performance_metrics%' ORDER BY table_name`);
  await applyRetention(questdb.target, { rawDays: 10, minuteDays: 20, hourDays: 100 });
  await expectRows(selectTtls, [
    ['performance_metrics', 10, 'DAY'],
    ['performance_metrics_1h_v3', 15, 'WEEK'],
    ['performance_metrics_1h_v4', 15, 'WEEK'],
    ['performance_metrics_1m_v3', 20, 'DAY'],
    ['performance_metrics_1m_v4', 20, 'DAY'],
  ]);
  await applyRetention(questdb.target, DEFAULT_RETENTION);
  await expectRows(selectTtls, [
    ['performance_metrics', 30, 'DAY'],
    ['performance_metrics_1h_v3', 105, 'WEEK'],
    ['performance_metrics_1h_v4', 105, 'WEEK'],
    ['performance_metrics_1m_v3', 90, 'DAY'],
    ['performance_metrics_1m_v4', 90, 'DAY'],
  ]);
});

it('rebuilds an invalid roll-up if its base has all rows, and keeps the history otherwise', async () => {
  const getStatuses = async () =>
    new Map(
      (await questdb.sql('SELECT view_name, view_status FROM materialized_views()')).map(
        ([name, status]) => [String(name), status],
      ),
    );
  const selectTotals = (table: string) => () =>
    questdb.sql(`SELECT count(), sum(count) FROM ${table}`);
  await waitForRollups(questdb);
  const before = await selectTotals('metric_buckets_1m_v2')();
  // An UPDATE of the base table invalidates its views.
  await questdb.sql("UPDATE metric_buckets SET property_id = NULL WHERE name = 'buckets'");
  await waitFor(async () => (await getStatuses()).get('metric_buckets_1m_v2') === 'invalid');
  const { repair, warnings } = createRepairJob(questdb);
  const repairAll = () =>
    waitFor(async () => {
      await repair();
      const statuses = await getStatuses();
      return ['1m', '10m', '1h', '1d'].every(
        (unit) => statuses.get(`metric_buckets_${unit}_v2`) === 'valid',
      );
    });
  await repairAll();
  expect(await selectTotals('metric_buckets_1m_v2')()).toEqual(before);
  const rebuildWarning = warnings.find((line) => line.includes('metric_buckets_1m_v2 '));
  expect(rebuildWarning).toContain('is rebuilding it');

  // Dropping a partition also invalidates the views, and the rows of the older day are lost.
  const day = new Date(TODAY_MS - 4 * DAY_MS).toISOString().slice(0, 10);
  await questdb.sql(`ALTER TABLE metric_buckets DROP PARTITION LIST '${day}'`);
  await waitFor(async () => (await getStatuses()).get('metric_buckets_1m_v2') === 'invalid');
  await repairAll();
  await waitForRollups(questdb);
  const { getCatalog } = new CatalogReader(reader.read);
  const queryClient = { read: reader.read, getCatalog: () => getCatalog() };
  const query = {
    scope: UNRESTRICTED_SCOPE,
    range: { fromMs: TODAY_MS - 5 * DAY_MS, toMs: TODAY_MS },
    filter: { service: ['buckets'] },
  };
  const results = await runQuery(queryClient, BUCKETS_TABLE, query, {
    aggregations: { count: COUNT },
  });
  expect(results.map(({ row }) => Number(row.count))).toEqual([2 * 2880]);
});

it('uses the roll-ups immediately after QuestDB restarts', async () => {
  await reader.close();
  await questdb.kill();
  await questdb.start();
  await reader.setTarget(questdb.readTarget);
  const catalog = await new CatalogReader(reader.read).getCatalog();
  const names = catalog.get('performance_metrics')?.map(({ name }) => name);
  expect(names).toContain('performance_metrics_1h_v3');
  expect(names).toContain('performance_metrics_1m_v4');
});
