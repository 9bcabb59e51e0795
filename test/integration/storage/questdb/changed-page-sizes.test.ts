import { afterEach, expect, it } from 'vitest';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

/** QuestDB's defaults, which earlier versions of Perfscope used. */
const EARLIER_PAGE_SIZES = {
  'cairo.writer.data.append.page.size': '16M',
  'cairo.writer.data.index.key.append.page.size': '512k',
  'cairo.writer.data.index.value.append.page.size': '16M',
  'cairo.wal.writer.data.append.page.size': '1M',
  'cairo.wal.writer.event.append.page.size': '128k',
  'cairo.system.writer.data.append.page.size': '256k',
  'cairo.system.wal.writer.data.append.page.size': '256k',
  'cairo.system.wal.writer.event.append.page.size': '16k',
  'cairo.wal.segment.rollover.size': '0',
};
const ROWS = 5000;
/** Start of the rows, one day ago. */
const START = new Date(Date.now() - 86_400_000).toISOString();
let questdb: ExternalQuestdb;

afterEach(() => questdb.remove());

/** Writes rows over two days to a table of each kind. They are between the rows of earlier batches. */
async function writeBatch(batch: number): Promise<void> {
  const timestamp = `dateadd('s', -(x * 30 + ${batch})::int, '${START}')`;
  const id = `'${batch}-' || x`;
  await questdb.sql(`INSERT INTO performance_metrics
    (timestamp, id, metric_type, name, endpoint, value, count, min, max)
    SELECT ${timestamp}, ${id}, 'CUSTOM', 'rows', '/rooms/' || (x % 100), x, 1, x, x
    FROM long_sequence(${ROWS})`);
  await questdb.sql(`INSERT INTO error_logs (timestamp, id, fingerprint, message, count)
    SELECT ${timestamp}, ${id}, 'f' || (x % 50), 'a message', x FROM long_sequence(${ROWS})`);
  await questdb.sql(`INSERT INTO audit_log (timestamp, id, seq, action, detail)
    SELECT ${timestamp}, ${id}, x, 'test', ${id} FROM long_sequence(${ROWS})`);
}

/** Checks the number of rows, their identities, and a sum that changes if a value is wrong. */
async function expectBatches(batches: number): Promise<void> {
  await waitForRollups(questdb);
  const count = batches * ROWS;
  const sum = (batches * ROWS * (ROWS + 1)) / 2;
  const results: Record<string, unknown> = {};
  for (const columns of [
    'count(), sum(value), count_distinct(id) FROM performance_metrics',
    "count(), sum(count), sum(value) / sum(value) FROM performance_metrics WHERE endpoint = '/rooms/7'",
    'sum(count), sum(value_sum), max(max) FROM performance_metrics_1m_v3',
    'sum(count), sum(value_sum), max(max) FROM performance_metrics_1h_v3',
    'count(), sum(count), count_distinct(id) FROM error_logs',
    'count(), sum(seq), count_distinct(detail) FROM audit_log',
  ]) {
    [results[columns.replace(/^.* FROM /, '')]] = await questdb.sql(`SELECT ${columns}`);
  }
  expect(results).toEqual({
    performance_metrics: [count, sum, count],
    "performance_metrics WHERE endpoint = '/rooms/7'": [count / 100, count / 100, 1],
    performance_metrics_1m_v3: [count, sum, ROWS],
    performance_metrics_1h_v3: [count, sum, ROWS],
    error_logs: [count, sum, count],
    audit_log: [count, sum, count],
  });
}

const TITLE = 'reads and extends data with other page sizes, in both directions, after %s';
it.each(['kill'] as const)(TITLE, expectReadable);
// Long: in CI, files that QuestDB didn't close cover the files that it closed.
it.each(['stop'] as const)(TITLE, { tags: 'long' }, expectReadable);

async function expectReadable(end: 'stop' | 'kill'): Promise<void> {
  questdb = new ExternalQuestdb();
  for (const [i, overrides] of [EARLIER_PAGE_SIZES, {}, EARLIER_PAGE_SIZES, {}].entries()) {
    questdb.overrides = overrides;
    await questdb.start();
    await migrate(questdb.target, DEFAULT_RETENTION);
    if (i > 0) await expectBatches(i);
    await writeBatch(i);
    if (i === 1) await expectBatches(2);
    await questdb[end]();
  }
  questdb.overrides = {};
  await questdb.start();
  await expectBatches(4);
}
