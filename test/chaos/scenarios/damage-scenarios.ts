import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
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
  const stored = (await run.readStored()).get('first')?.values ?? [];
  const unknown = [...stored].filter(
    (value) => !Number.isInteger(value) || value < 0 || value >= program.recorded,
  );
  if (unknown.length > 0) run.fail(`${unknown.length} rows have a wrong value`);
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
];
