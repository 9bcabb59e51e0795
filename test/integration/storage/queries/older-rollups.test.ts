import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../../src/core/duration.ts';
import {
  ROLLUP_DEFINITIONS,
  type RollupDefinition,
} from '../../../../src/core/schema/rollup-definitions.ts';
import { UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { applyRetention } from '../../../../src/storage/migrations/apply-retention.ts';
import { createRollups, migrateTables } from '../../../../src/storage/migrations/migrate.ts';
import {
  COUNT,
  createColumnMax,
  createColumnSum,
  METRICS_TABLE,
} from '../../../../src/storage/queries/aggregation-tables.ts';
import { runQuery } from '../../../../src/storage/queries/run-query.ts';
import { QuestdbReader } from '../../../../src/storage/questdb/postgres-wire-reader.ts';
import { CatalogReader } from '../../../../src/storage/questdb/table-catalog.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { expectRows } from '../../../support/expect-rows.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

const TODAY_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const RETENTION = { ...DEFAULT_RETENTION, rawDays: 3 };
const questdb = new ExternalQuestdb({ isShared: true });
let reader: QuestdbReader;

beforeAll(async () => {
  await questdb.start();
  reader = new QuestdbReader(questdb.readTarget);
});
afterAll(async () => {
  await reader.close();
  await questdb.remove();
});

/** Returns version 1 of a definition: without the columns that later versions added. */
function toFirstVersion(definition: RollupDefinition): RollupDefinition {
  const isOriginal = (column: string) => !(column in definition.addedIn);
  return {
    ...definition,
    version: 1,
    keys: definition.keys.filter(isOriginal),
    aggregates: Object.fromEntries(
      Object.entries(definition.aggregates).filter(([column]) => isOriginal(column)),
    ),
  };
}

/** Inserts one row per minute for one hour of a past day, each with four requests. */
async function write(daysAgo: number, scope: string): Promise<void> {
  const start = new Date(TODAY_MS - daysAgo * DAY_MS + HOUR_MS).toISOString();
  await questdb.sql(`INSERT INTO performance_metrics
    (timestamp, id, metric_type, name, endpoint, queue_scope, count, count_2xx, first_byte_max, test)
    SELECT dateadd('m', (x - 1)::int, '${start}'), concat('${daysAgo}-', x),
      'API_RESPONSE_TIME', 'requests', '/', ${scope}, 4, 3, 7, false
    FROM long_sequence(60)`);
}

it('reads roll-ups of the first version, which have no value in newer columns', async () => {
  await migrateTables(questdb.target, DEFAULT_RETENTION);
  await createRollups(questdb.target, DEFAULT_RETENTION, ROLLUP_DEFINITIONS.map(toFirstVersion));
  await write(6, 'NULL');
  await write(5, 'NULL');
  await waitForRollups(questdb);
  // The rows of these days expire.
  await applyRetention(questdb.target, RETENTION);
  await write(1, "'bull@redis:6379/0'");
  await expectRows(() => questdb.sql('SELECT count() FROM performance_metrics'), [[60]]);
  const { created } = await createRollups(questdb.target, RETENTION);
  expect(created).toContain('performance_metrics_1m_v3');
  await waitForRollups(questdb);
  const { getCatalog } = new CatalogReader(reader.read);
  const read = (filter: { queueScope?: string[] }) =>
    runQuery(
      { read: reader.read, getCatalog: () => getCatalog() },
      METRICS_TABLE,
      {
        scope: UNRESTRICTED_SCOPE,
        range: { fromMs: TODAY_MS - 7 * DAY_MS, toMs: TODAY_MS },
        groupBy: ['endpoint', 'queueScope'],
        filter,
      },
      {
        aggregations: {
          count: COUNT,
          count_2xx: createColumnSum('count_2xx'),
          first_byte_max: createColumnMax('first_byte_max'),
        },
      },
    );
  const toValues = ({ group, row }: Awaited<ReturnType<typeof read>>[number]) => [
    group.queueScope,
    Number(row.count),
    row.count_2xx === null ? null : Number(row.count_2xx),
    row.first_byte_max,
  ];
  const all = (await read({})).map(toValues);
  expect(all).toHaveLength(2);
  expect(all).toContainEqual([undefined, 480, null, null]);
  expect(all).toContainEqual(['bull@redis:6379/0', 240, 180, 7]);
  const filtered = await read({ queueScope: ['bull@redis:6379/0'] });
  expect(filtered.map(toValues)).toEqual([['bull@redis:6379/0', 240, 180, 7]]);
});
