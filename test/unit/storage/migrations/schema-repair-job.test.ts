import { createServer } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { ROLLUP_DEFINITIONS } from '../../../../src/core/schema/rollup-definitions.ts';
import { formatRollupName } from '../../../../src/core/schema/rollup-names.ts';
import { toSnakeCase } from '../../../../src/core/schema/table-definition.ts';
import {
  MEASUREMENT_TABLES,
  MIGRATIONS_TABLE,
  STATE_TABLES,
} from '../../../../src/core/schema/table-registry.ts';
import { SchemaRepairJob } from '../../../../src/storage/migrations/schema-repair-job.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

const TABLES = [...MEASUREMENT_TABLES, ...STATE_TABLES];
const ROLLUP_NAMES = ROLLUP_DEFINITIONS.flatMap((definition) =>
  definition.units.map((unit) => formatRollupName(definition, unit)),
);

/** Starts a QuestDB with all tables, in which the versions of the schema can't be read. */
async function startQuestdb() {
  const state = { ids: new Map(TABLES.map(({ name }, i) => [name, i + 1])), ttl: '3 DAY' };
  const statements: string[] = [];
  const getDataset = (statement: string): unknown[][] => {
    if (statement.startsWith('SELECT table_name, matView, walEnabled')) {
      return [
        ...[...TABLES.map(({ name }) => name), MIGRATIONS_TABLE].map((name) => [
          name,
          false,
          true,
          'timestamp',
        ]),
        ...ROLLUP_NAMES.map((name) => [name, true, true, 'timestamp']),
      ];
    }
    if (statement.startsWith('SELECT table_name, matView, ttlValue')) {
      return TABLES.map(({ name }) => [name, false, ...state.ttl.split(' '), state.ids.get(name)]);
    }
    if (!statement.includes('table_columns')) return [];
    return TABLES.flatMap(({ name, columns, dedupKeys }) => [
      [name, 'timestamp', 'TIMESTAMP', true],
      ...Object.entries(columns).map(([property, type]) => [
        name,
        toSnakeCase(property),
        type.toUpperCase(),
        (dedupKeys as readonly string[]).includes(property),
      ]),
    ]);
  };
  const server = createServer(({ url = '' }, response) => {
    const statement = new URL(url, 'http://localhost').searchParams.get('query') ?? '';
    statements.push(statement);
    response.end(JSON.stringify({ columns: [], dataset: getDataset(statement) }));
  });
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  const log: string[] = [];
  const write = (message: string) => void log.push(message);
  const job = new SchemaRepairJob({
    target: () => ({ url }),
    retention: DEFAULT_RETENTION,
    isStoringRows: () => true,
    log: { info: write, warn: write, error: write },
  });
  return { job, log, state, statements };
}

it('does not report the versions of the schema as a repair', async () => {
  const { job, log, statements } = await startQuestdb();
  await job.runOnce();
  expect(statements.some((each) => each.startsWith(`INSERT INTO ${MIGRATIONS_TABLE}`))).toBe(true);
  expect(log).toEqual([]);
});

it('sets the retention of a table that a service has created again', async () => {
  const { job, state, statements } = await startQuestdb();
  const run = async () => {
    statements.length = 0;
    await job.runOnce();
    return statements.filter((each) => each.includes('SET TTL'));
  };
  expect(await run()).toHaveLength(MEASUREMENT_TABLES.length);
  expect(await run()).toEqual([]);
  state.ids.set('queue_metrics', 1000);
  expect(await run()).toEqual([
    `ALTER TABLE queue_metrics SET TTL ${DEFAULT_RETENTION.rawDays} DAY`,
  ]);
});
