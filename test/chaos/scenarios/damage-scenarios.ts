import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ChaosRun } from '../chaos-run.ts';
import type { Scenario } from '../scenario.ts';

/** Segments have an eighth of this size. */
const SETTINGS = { PERFORMANCE_SPOOL_MAX_BYTES: '4000000' };

/** Returns the files with rows of a run, in the order of their creation. */
function listRowFiles(spool: string, run: string): string[] {
  return readdirSync(spool, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file, 'latin1').includes(run))
    .sort();
}

/** Damages a file in the spool of a killed process. Another process then sends the rows. */
async function damageSpool(
  run: ChaosRun,
  damage: (file: string) => void,
  which: 'first' | 'last' = 'first',
): Promise<void> {
  run.proxy.mode = { kind: 'reset' };
  const program = await run.start({ label: 'first', settings: SETTINGS });
  await program.run('rate 5000');
  await program.waitForRecorded(6000);
  await program.run('rate 0');
  await program.run('flushSync');
  program.markSaved();
  await program.kill();
  const file = listRowFiles(run.spool, run.id).at(which === 'first' ? 0 : -1);
  if (file === undefined) throw new Error('the spool is empty');
  damage(file);
  run.proxy.mode = { kind: 'forward' };
  run.faultEnds();
  await run.sweep(15_000);
  const [[wrong] = []] = await run.questdb.sql(
    `SELECT count() FROM performance_metrics WHERE service = '${run.id}' AND operation = 'first'
     AND (value <> floor(value) OR value >= ${program.recorded} OR value IS NULL)`,
  );
  if (wrong !== 0) run.fail(`${wrong} rows have a wrong value`);
}

/** Changes one digit of a value in the middle of the file. */
function flipDigit(file: string): void {
  const bytes = readFileSync(file);
  const start = bytes.indexOf(',value=', Math.floor(bytes.length / 2));
  const offset = bytes.indexOf('value=', start > 0 ? start : Math.floor(bytes.length / 2));
  const index = offset + 'value='.length;
  bytes[index] = bytes[index]! ^ 1;
  writeFileSync(file, bytes);
}

/** Removes acknowledged rows from QuestDB, as a power failure does before they are on its disk. */
async function loseAcknowledgedRows(run: ChaosRun): Promise<void> {
  const program = await run.start({ label: 'first', isDirect: true });
  await program.run('burst 3000');
  const { error } = await program.run('flush 30000');
  if (error) throw new Error(error);
  program.markSaved();
  await program.kill();
  await run.questdb.sql('TRUNCATE TABLE performance_metrics');
  run.faultEnds();
  await run.sweep();
}

/** Deletes the spool of a process while QuestDB is unreachable. */
async function deleteSpool(run: ChaosRun): Promise<void> {
  const program = await run.startConnected();
  run.proxy.mode = { kind: 'reset' };
  await program.run('rate 2000');
  await program.waitForRecorded(4000);
  rmSync(run.spool, { recursive: true });
  await program.waitForRecorded(8000);
  await program.run('rate 0');
  run.proxy.mode = { kind: 'forward' };
  run.faultEnds();
}

/** Writes a batch as versions before 0.1.0 did: one file per batch. */
async function sendOldSpool(run: ChaosRun): Promise<void> {
  const rows = 500;
  const folder = join(run.spool, '4194304-1-0123abcd');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const nowMs = Date.now();
  const lines = Array.from(
    { length: rows },
    (_, i) =>
      `performance_metrics,service=${run.id},metric_type=CUSTOM,operation=old id="${run.id}-${i}",value=${i}.0,count=1i ${nowMs}000000\n`,
  );
  const name = `000000000000.performance_metrics.${rows}.${nowMs}.ilp`;
  writeFileSync(join(folder, name), lines.join(''), { mode: 0o600 });
  run.expected.set('old', rows);
  run.faultEnds();
  await run.sweep();
}

/** Scenarios in which files of the spool are damaged, as after a power cut. */
export const DAMAGE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'truncated-segment',
    failure: 'a file in the spool is cut in the middle',
    mayLose: ['damaged'],
    run: (run) => damageSpool(run, (file) => truncateSync(file, statSync(file).size / 2)),
  },
  {
    name: 'cut-record',
    failure: 'the last record of a killed process is incomplete',
    mayLose: ['damaged'],
    run: (run) => damageSpool(run, (file) => truncateSync(file, statSync(file).size - 30), 'last'),
  },
  {
    name: 'flipped-bit',
    failure: 'one bit of a value in the spool is flipped',
    mayLose: ['damaged'],
    run: (run) => damageSpool(run, flipDigit),
  },
  {
    name: 'empty-segment',
    failure: 'a file in the spool is empty',
    mayLose: ['damaged'],
    run: (run) => damageSpool(run, (file) => truncateSync(file, 0)),
  },
  {
    name: 'deleted-spool',
    failure: 'the spool folder is deleted while QuestDB is unreachable',
    mayLose: ['missing'],
    run: deleteSpool,
  },
  {
    name: 'old-spool',
    failure: 'the spool contains the files of an earlier version',
    run: sendOldSpool,
  },
  {
    name: 'lost-acknowledged',
    failure: 'QuestDB loses acknowledged rows in a power failure',
    isExclusive: true,
    run: loseAcknowledgedRows,
  },
];
