import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ChaosServer } from '../../support/chaos-server.ts';
import type { ChaosRun } from '../chaos-run.ts';
import type { Scenario } from '../scenario.ts';

const TABLE = 'performance_metrics';
const DROPPED = 'in the dropped table';

/** Records rows with tags after a change of the schema. */
async function changeSchema(run: ChaosRun, statement: string): Promise<void> {
  const warmUp = await run.start({ label: 'before', isDirect: true });
  await warmUp.run('burst 1');
  await warmUp.run('flush 10000');
  // A dropped table takes its rows along, unless the program sends them again.
  const isDropped = statement.startsWith('DROP');
  if (isDropped) run.counted[DROPPED] = 1;
  await run.questdb.sql(statement);
  try {
    const program = await run.start({ padding: 20 });
    await program.run('rate 2000');
    await program.waitForRecorded(4000);
    await program.run('rate 0');
    run.faultEnds();
    await run.finish();
    if (isDropped && (await run.readStored()).has('before')) delete run.counted[DROPPED];
  } finally {
    // The next scenario needs the table and its columns, even if they were not repaired.
    await run.questdb
      .sql(`SELECT count() FROM ${TABLE}`)
      .catch(() => run.questdb.sql('TRUNCATE TABLE schema_migrations'));
    await run.questdb.sql(`ALTER TABLE ${TABLE} ADD COLUMN tags VARCHAR`).catch(() => {});
    await run.questdb.sql(`ALTER TABLE ${TABLE} DROP COLUMN my_tags`).catch(() => {});
  }
}

/** Drops the table while three programs send rows to it, and a server checks the schema. */
async function dropSharedTable(run: ChaosRun): Promise<void> {
  const server = new ChaosServer(run.settings.dist, run.questdb.env);
  run.onRemove(() => server.remove());
  await server.start();
  const labels = ['first', 'second', 'third'];
  const programs = await Promise.all(
    labels.map((label) => run.startConnected({ label, isDirect: true })),
  );
  await Promise.all(programs.map((program) => program.run('rate 500')));
  await Promise.all(programs.map((program) => program.waitForRecorded(1000)));
  await run.questdb.sql(`DROP TABLE ${TABLE}`);
  run.faultEnds();
  await Promise.all(programs.map((program) => program.waitForRecorded(program.recorded + 1500)));
  await Promise.all(programs.map((program) => program.run('rate 0')));
  await run.finish();
}

/** Records bad rows between good rows. */
async function recordBadRows(run: ChaosRun, fields: readonly object[]): Promise<void> {
  const program = await run.start();
  for (const each of fields) {
    await program.run('burst 200');
    await program.run(`fields ${JSON.stringify(each)}`);
    await program.run('burst 200');
  }
  run.faultEnds();
}

/** Scenarios in which tables are changed, or QuestDB rejects rows. */
export const SCHEMA_SCENARIOS: readonly Scenario[] = [
  {
    name: 'dropped-table',
    failure: 'the table is dropped',
    mayLose: [DROPPED],
    isExclusive: true,
    run: (run) => changeSchema(run, `DROP TABLE ${TABLE}`),
  },
  {
    name: 'dropped-shared-table',
    failure: 'the table is dropped while three processes and a server write to it',
    isExclusive: true,
    run: dropSharedTable,
  },
  {
    name: 'dropped-column',
    failure: 'a column is dropped',
    isExclusive: true,
    run: (run) => changeSchema(run, `ALTER TABLE ${TABLE} DROP COLUMN tags`),
  },
  {
    name: 'renamed-column',
    failure: 'a column is renamed',
    isExclusive: true,
    run: (run) => changeSchema(run, `ALTER TABLE ${TABLE} RENAME COLUMN tags TO my_tags`),
  },
  {
    name: 'nul-character',
    failure: 'one name contains a NUL character',
    mayLose: ['dead letter', 'unwritable', 'invalid'],
    run: (run) => recordBadRows(run, [{ name: 'a\u0000b' }]),
  },
  {
    name: 'bad-rows',
    failure: 'single rows that QuestDB or the encoder rejects',
    mayLose: ['dead letter', 'unwritable', 'invalid', 'expired'],
    run: (run) =>
      recordBadRows(run, [
        { duration: 'text' },
        { timestamp: -1 },
        { timestamp: 9e14 },
        { tags: 7 },
        { name: '\ud800' },
        { count: 1.5 },
      ]),
  },
  {
    name: 'dead-letter-limit',
    failure: 'All requests are rejected for 12 s, and the spool is limited to 1 MB',
    mayLose: ['dead letter', 'dead_letters_full', 'spool_full'],
    async run(run) {
      const settings = { PERFORMANCE_SPOOL_MAX_BYTES: '1000000' };
      const program = await run.start({ padding: 400, settings });
      await program.run('burst 10');
      await program.run('flush 10000');
      run.proxy.mode = { kind: 'answer', status: 400, body: 'rejected', onlyWrites: true };
      await program.run('rate 1000');
      await program.waitForRecorded(10_000);
      await program.run('rate 0');
      await delay(2000);
      const bytes = readdirSync(run.spool, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => statSync(join(entry.parentPath, entry.name)).size)
        .reduce((sum, size) => sum + size, 0);
      if (bytes > 1_300_000) run.fail(`the spool takes ${bytes} bytes`);
      run.proxy.mode = { kind: 'forward' };
      run.faultEnds();
    },
  },
];
