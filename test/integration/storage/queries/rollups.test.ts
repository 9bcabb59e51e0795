import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../../src/core/duration.ts';
import { ROLLUP_DEFINITIONS } from '../../../../src/core/schema/rollup-definitions.ts';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { applyRetention } from '../../../../src/storage/migrations/apply-retention.ts';
import { createRollups, migrate } from '../../../../src/storage/migrations/migrate.ts';
import { RollupRepairJob } from '../../../../src/storage/migrations/rollup-repair.ts';
import { queryTotals } from '../../../../src/storage/queries/metric-totals.ts';
import { planSegments } from '../../../../src/storage/queries/query-plan.ts';
import { QuestdbReader } from '../../../../src/storage/questdb/questdb-reader.ts';
import { CatalogReader } from '../../../../src/storage/questdb/table-catalog.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { expectRows } from '../../../support/expect-rows.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitFor } from '../../../support/wait-for.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

/** Midnight before the test began. */
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

/** One row for each minute of an hour of a day, each of one request of `ms`. */
async function write(name: string, daysAgo: number, ms: number, hour = 1): Promise<void> {
  const start = new Date(TODAY_MS - daysAgo * DAY_MS + hour * HOUR_MS).toISOString();
  await questdb.sql(`INSERT INTO performance_metrics
    (timestamp, id, metric_type, name, service, value, count, error_count, sum, min, max, test)
    SELECT dateadd('m', (x - 1)::int, '${start}'), concat('${name}-${daysAgo}-', x),
      'API_RESPONSE_TIME', '${name}', '${name}', ${ms}, 1, 0, ${ms}, ${ms}, ${ms}, false
    FROM long_sequence(60)`);
}

const sums = (view: string, name: string) => () =>
  questdb.sql(`SELECT count(), sum(count), sum(sum) FROM ${view} WHERE name = '${name}'`);

it('takes late rows into minutes and hours, and a resend changes nothing', async () => {
  await write('early', 1, 10);
  await expectRows(sums('performance_metrics', 'early'), [[60, 60, 600]]);
  await waitForRollups(questdb);
  await write('late', 2, 20);
  await expectRows(sums('performance_metrics', 'late'), [[60, 60, 1200]]);
  await waitForRollups(questdb);
  await expectRows(sums('performance_metrics_1m', 'late'), [[60, 60, 1200]]);
  await expectRows(sums('performance_metrics_1h', 'late'), [[1, 60, 1200]]);
  await write('late', 2, 20);
  await expectRows(sums('performance_metrics', 'late'), [[60, 60, 1200]]);
  await waitForRollups(questdb);
  await expectRows(sums('performance_metrics_1m', 'late'), [[60, 60, 1200]]);
  await expectRows(sums('performance_metrics_1h', 'late'), [[1, 60, 1200]]);
}, 600_000);

it('sums buckets by minute, ten minutes, hour and day, late ones too, and reads the coarsest', async () => {
  const bucketsOf = (name: string, daysAgo: number) =>
    questdb.sql(`INSERT INTO metric_buckets
      (timestamp, point, metric_type, name, service, bucket_upper, count, error_count, test)
      SELECT dateadd('m', (x - 1)::int, '${new Date(TODAY_MS - daysAgo * DAY_MS).toISOString()}'), x,
        'API_RESPONSE_TIME', '${name}', '${name}', 8, 2, 1, false
      FROM long_sequence(1440)`);
  const counts = (view: string) => () =>
    questdb.sql(`SELECT count(), sum(count), sum(error_count) FROM ${view} WHERE name = 'buckets'`);
  for (const [i, daysAgo] of [2, 4].entries()) {
    await bucketsOf('buckets', daysAgo);
    const days = i + 1;
    await expectRows(counts('metric_buckets'), [[days * 1440, days * 2880, days * 1440]]);
    await waitForRollups(questdb);
    for (const [view, rows] of [
      ['metric_buckets_1m', 1440],
      ['metric_buckets_10m', 144],
      ['metric_buckets_1h', 24],
      ['metric_buckets_1d', 1],
    ] as const) {
      await expectRows(counts(view), [[days * rows, days * 2880, days * 1440]]);
    }
  }
  const catalog = await new CatalogReader(reader.read).getCatalog();
  const stored = catalog.get('metric_buckets') ?? [];
  const range = { fromMs: TODAY_MS - 5 * DAY_MS + 61_000, toMs: TODAY_MS - 2 * DAY_MS + 1 };
  expect(planSegments(stored, range).map(({ name }) => name)).toEqual([
    'metric_buckets',
    'metric_buckets_1m',
    'metric_buckets_10m',
    'metric_buckets_1h',
    'metric_buckets_1d',
    'metric_buckets',
  ]);
}, 600_000);

it('builds a changed roll-up beside the old one, and answers from both when rows have expired', async () => {
  for (const daysAgo of [6, 5, 4, 3, 2, 1]) await write('kept', daysAgo, daysAgo * 10);
  await waitForRollups(questdb);
  // The first four days go, as after a retention of two days.
  const short = { ...DEFAULT_RETENTION, rawDays: 3 };
  await applyRetention(questdb.target, short);
  await write('later', 0, 1, 0);
  await expectRows(
    () => questdb.sql("SELECT count() FROM performance_metrics WHERE name = 'kept'"),
    [[180]],
  );
  const changed = ROLLUP_DEFINITIONS.map((rolling) =>
    rolling.table.name === 'performance_metrics'
      ? {
          ...rolling,
          version: 2,
          aggregates: { ...rolling.aggregates, value_min: 'min(value)' },
        }
      : rolling,
  );
  const made = await createRollups(questdb.target, short, changed);
  expect(made).toEqual(['performance_metrics_1m_v2', 'performance_metrics_1h_v2']);
  await waitForRollups(questdb);
  await expectRows(
    () => questdb.sql("SELECT count() FROM performance_metrics_1h_v2 WHERE name = 'kept'"),
    [[3]],
  );
  const catalog = new CatalogReader(reader.read).getCatalog;
  const store = { read: reader.read, getCatalog: () => catalog() };
  const names = (await catalog()).get('performance_metrics')?.map(({ name }) => name);
  expect(names).toEqual([
    'performance_metrics',
    'performance_metrics_1m_v2',
    'performance_metrics_1m',
    'performance_metrics_1h_v2',
    'performance_metrics_1h',
  ]);
  const question = {
    scope: UNRESTRICTED_SCOPE,
    range: { fromMs: TODAY_MS - 7 * DAY_MS, toMs: TODAY_MS },
    filter: { service: ['kept'] },
  };
  const measured = { metricType: 'API_RESPONSE_TIME' } as const;
  const [all] = await queryTotals(store, question, measured);
  expect(all).toMatchObject({ count: 360, average: 35, min: 10, max: 60 });
  const byDay = await queryTotals(
    store,
    { ...question, step: { ms: DAY_MS, zone: 'utc' } },
    measured,
  );
  expect(
    byDay.map(({ bucket: span, count, average }) => [span?.fromMs, count, average]).sort(),
  ).toEqual([6, 5, 4, 3, 2, 1].map((ago) => [TODAY_MS - ago * DAY_MS, 60, ago * 10]));
  // Minutes, from the old version as well as from the new.
  for (const daysAgo of [5, 2]) {
    const fromMs = TODAY_MS - daysAgo * DAY_MS + HOUR_MS + 10 * 60_000;
    const part = { ...question, range: { fromMs, toMs: fromMs + 40 * 60_000 } };
    expect(await queryTotals(store, part, measured)).toMatchObject([
      { count: 40, min: daysAgo * 10 },
    ]);
  }
}, 600_000);

it('changes the TTLs of tables and of all versions when the retention is changed', async () => {
  const ttls = () =>
    questdb.sql(`SELECT table_name, ttlValue, ttlUnit FROM tables()
      WHERE table_name LIKE 'performance_metrics%' ORDER BY table_name`);
  await applyRetention(questdb.target, { rawDays: 10, minuteDays: 20, hourDays: 100 });
  await expectRows(ttls, [
    ['performance_metrics', 10, 'DAY'],
    ['performance_metrics_1h', 15, 'WEEK'],
    ['performance_metrics_1h_v2', 15, 'WEEK'],
    ['performance_metrics_1m', 20, 'DAY'],
    ['performance_metrics_1m_v2', 20, 'DAY'],
  ]);
  await applyRetention(questdb.target, DEFAULT_RETENTION);
  await expectRows(ttls, [
    ['performance_metrics', 30, 'DAY'],
    ['performance_metrics_1h', 105, 'WEEK'],
    ['performance_metrics_1h_v2', 105, 'WEEK'],
    ['performance_metrics_1m', 90, 'DAY'],
    ['performance_metrics_1m_v2', 90, 'DAY'],
  ]);
});

it('sums up anew what QuestDB has given up, but only where no history is lost', async () => {
  const statuses = async () =>
    new Map(
      (await questdb.sql('SELECT view_name, view_status FROM materialized_views()')).map(
        ([name, status]) => [String(name), status],
      ),
    );
  const rows = () => questdb.sql('SELECT count(), sum(count) FROM metric_buckets_1m');
  await waitForRollups(questdb);
  const before = await rows();
  // Both change the base in a way that no view survives; the second one takes the older day from it.
  await questdb.sql("UPDATE metric_buckets SET property_id = NULL WHERE name = 'buckets'");
  await waitFor(async () => (await statuses()).get('metric_buckets_1m') === 'invalid');
  const said: string[] = [];
  const keeper = new RollupRepairJob(() => questdb.target, {
    info: () => {},
    error: () => {},
    warn: (message) => said.push(message),
  });
  await waitFor(async () => {
    await keeper.runOnce();
    const now = await statuses();
    return ['1m', '10m', '1h', '1d'].every((unit) => now.get(`metric_buckets_${unit}`) === 'valid');
  });
  expect(await rows()).toEqual(before);
  expect(said.find((line) => line.includes('metric_buckets_1m '))).toContain('summed up anew');

  const day = new Date(TODAY_MS - 4 * DAY_MS).toISOString().slice(0, 10);
  await questdb.sql(`ALTER TABLE metric_buckets DROP PARTITION LIST '${day}'`);
  await waitFor(async () => (await statuses()).get('metric_buckets_1m') === 'invalid');
  await keeper.runOnce();
  await keeper.runOnce();
  const told = said.filter((line) => line.includes('stays as it is'));
  expect(told.filter((line) => line.includes(' metric_buckets_1m '))).toHaveLength(1);
  expect(await rows()).toEqual(before);
}, 120_000);

it('trusts the roll-ups again right after a restart of QuestDB', async () => {
  await reader.close();
  await questdb.kill();
  await questdb.start();
  await reader.setTarget(questdb.readTarget);
  const catalog = await new CatalogReader(reader.read).getCatalog();
  const names = catalog.get('performance_metrics')?.map(({ name }) => name);
  expect(names).toContain('performance_metrics_1h');
  expect(names).toContain('performance_metrics_1m_v2');
});
