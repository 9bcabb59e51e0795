import { afterAll, beforeAll, expect, it } from 'vitest';
import { STATE_TABLES } from '../../../../src/core/schema/table-registry.ts';
import { applyRetention } from '../../../../src/storage/migrations/apply-retention.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitForWal } from '../../../support/wait-for-rollups.ts';

const MEASUREMENT_TABLE_NAMES = [
  'error_logs',
  'metric_buckets',
  'performance_metrics',
  'queue_metrics',
  'system_health',
];
const DAYS_PER_UNIT = { HOUR: 1 / 24, DAY: 1, WEEK: 7, MONTH: 30 } as const;
const questdb = new ExternalQuestdb({ isShared: true });

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  await questdb.sql(
    'CREATE TABLE error_logs_copy (timestamp TIMESTAMP, note VARCHAR) TIMESTAMP(timestamp) PARTITION BY DAY TTL 3 DAYS WAL',
  );
});
afterAll(() => questdb.remove());

/** Returns the retention of every table and view in days. 0: unlimited. */
async function readTtlDays(): Promise<Record<string, number>> {
  await waitForWal(questdb);
  const rows = await questdb.sql(
    "SELECT table_name, ttlValue, ttlUnit FROM tables() WHERE table_name NOT LIKE 'sys.%'",
  );
  return Object.fromEntries(
    rows.map(([name, value, unit]) => [
      String(name),
      Number(value) * DAYS_PER_UNIT[unit as keyof typeof DAYS_PER_UNIT],
    ]),
  );
}

function toExpectedDays(
  names: readonly string[],
  days: { raw: number; minute: number; hour: number },
) {
  const statesAndOthers: Record<string, number> = { schema_migrations: 0, error_logs_copy: 3 };
  for (const { name } of STATE_TABLES) statesAndOthers[name] = 0;
  statesAndOthers.objectives = 13 * DAYS_PER_UNIT.MONTH;
  statesAndOthers.forecasts = 13 * DAYS_PER_UNIT.MONTH;
  statesAndOthers.metric_bands = 2 * DAYS_PER_UNIT.MONTH;
  return Object.fromEntries(
    names.map((name) => {
      if (MEASUREMENT_TABLE_NAMES.includes(name)) return [name, days.raw];
      if (/_(1m|10m)(_v\d+)?$/.test(name)) return [name, days.minute];
      if (/_(1h|1d)(_v\d+)?$/.test(name)) return [name, Math.ceil(days.hour / 7) * 7];
      return [name, statesAndOthers[name]];
    }),
  );
}

it.each([
  { rawDays: 30, minuteDays: 90, hourDays: 730 },
  { rawDays: 5, minuteDays: 12, hourDays: 40 },
  { rawDays: 7, minuteDays: 14, hourDays: 21 },
  { rawDays: 1, minuteDays: 365, hourDays: 366 },
  { rawDays: 60, minuteDays: 61, hourDays: 3650 },
])('gives every table and view the retention $rawDays/$minuteDays/$hourDays', async (retention) => {
  await applyRetention(questdb.target, retention);
  const actual = await readTtlDays();
  expect(Object.keys(actual).length).toBeGreaterThan(20);
  expect(actual).toEqual(
    toExpectedDays(Object.keys(actual), {
      raw: retention.rawDays,
      minute: retention.minuteDays,
      hour: retention.hourDays,
    }),
  );
  // Nothing is left to change.
  expect(await applyRetention(questdb.target, retention)).toEqual([]);
});
