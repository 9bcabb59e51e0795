import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { TUNING_SETTINGS } from '../../../../src/storage/questdb/server-conf.ts';
import { getDiskUsageBytes } from '../../../../src/storage/questdb/table-stats.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

const MAX_DATABASE_BYTES = 60_000_000;
const questdb = new ExternalQuestdb();

beforeAll(() => questdb.start());
afterAll(() => questdb.remove());

/** Returns each property that QuestDB knows, with its value and the source of the value. */
async function readParameters() {
  const rows = await questdb.sql('SHOW PARAMETERS');
  return new Map(rows.map(([name, , value, source]) => [name, { value, source }]));
}

it('writes only properties that QuestDB knows, and QuestDB uses their values', async () => {
  const text = readFileSync(join(questdb.folder, 'root/conf/server.conf'), 'utf8');
  const settings = text
    .trim()
    .split('\n')
    .map((line) => /^([^=]+)=(.*)$/.exec(line)!.slice(1));
  expect(settings.length).toBeGreaterThan(30);
  const parameters = await readParameters();
  for (const [name, value] of settings) {
    const isSecret = /password$/.test(name!);
    expect([name, parameters.get(name)]).toEqual([
      name,
      { value: isSecret ? '****' : value, source: 'conf' },
    ]);
  }
  expect(settings.map(([name]) => name)).toEqual(
    expect.arrayContaining(Object.keys(TUNING_SETTINGS)),
  );
});

it('leaves the memory for out-of-order rows at its default, because less is slower', async () => {
  const parameters = await readParameters();
  expect(parameters.get('cairo.o3.column.memory.size')).toEqual({
    value: '8388608',
    source: 'default',
  });
});

it('needs little disk for all tables and roll-ups with a few rows', async () => {
  await migrate(questdb.target, DEFAULT_RETENTION);
  await questdb.sql(`INSERT INTO performance_metrics (timestamp, id, name, value)
    SELECT dateadd('m', -x::int, now()), x::varchar, 'small', x FROM long_sequence(100)`);
  await questdb.sql(`INSERT INTO metric_buckets (timestamp, point, name, bucket_upper, count)
    SELECT dateadd('m', -x::int, now()), x, 'small', 8, 1 FROM long_sequence(100)`);
  await questdb.sql(`INSERT INTO error_logs (timestamp, id, message)
    SELECT dateadd('m', -x::int, now()), x::varchar, 'small' FROM long_sequence(100)`);
  await waitForRollups(questdb);
  expect(await getDiskUsageBytes(join(questdb.folder, 'root/db'))).toBeLessThan(MAX_DATABASE_BYTES);
});
