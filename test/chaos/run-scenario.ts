import { setTimeout as delay } from 'node:timers/promises';
import type { StoredRows } from '../support/chaos-rows.ts';
import type { ExternalQuestdb } from '../support/external-questdb.ts';
import { waitForWal } from '../support/wait-for-rollups.ts';
import { ChaosRun, type ChaosSettings } from './chaos-run.ts';
import { countRowsInMemory } from './compare-rows.ts';
import type { Scenario, ScenarioResult } from './scenario.ts';

/** Maximum duration of a scenario in the short form. */
const MAX_MINUTES = 15;
/** Maximum duration of a scenario in the full form, without the soak. */
const MAX_FULL_MINUTES = 60;
const MAX_WARNINGS = 3;
const activeRuns = new Set<ChaosRun>();

/** Runs a scenario and compares the recorded rows with the stored and the counted rows. Never rejects. */
export async function runScenario(
  scenario: Scenario,
  questdb: ExternalQuestdb,
  settings: ChaosSettings,
): Promise<ScenarioResult> {
  const startMs = performance.now();
  const run = new ChaosRun(scenario.name, questdb, settings);
  activeRuns.add(run);
  try {
    const skipped = scenario.skip?.();
    if (skipped !== undefined) return { ...(await compare(scenario, run, startMs)), skipped };
    await run.proxy.start();
    try {
      await withDeadline(settings, async () => {
        await scenario.run(run);
        await run.finish();
        if (!run.target) await waitForWal(questdb);
      });
    } catch (error) {
      run.fail(error instanceof Error ? error.message : String(error));
    }
    return await compare(scenario, run, startMs);
  } finally {
    await run.remove();
    activeRuns.delete(run);
  }
}

/** Ends everything that the running scenarios started. */
export async function removeActiveRuns(): Promise<void> {
  await Promise.all([...activeRuns].map((run) => run.remove()));
}

/** Rejects if a scenario takes too long. */
async function withDeadline(settings: ChaosSettings, body: () => Promise<void>): Promise<void> {
  const minutes = settings.isFull ? settings.soakMinutes + MAX_FULL_MINUTES : MAX_MINUTES;
  const timer = new AbortController();
  const deadline = delay(minutes * 60_000, undefined, timer).then(() => {
    throw new Error(`the scenario took longer than ${minutes} minutes`);
  });
  deadline.catch(() => {});
  try {
    await Promise.race([body(), deadline]);
  } finally {
    timer.abort();
  }
}

async function compare(
  { name, failure, mayLose = [] }: Scenario,
  run: ChaosRun,
  startMs: number,
): Promise<ScenarioResult> {
  const faults = [...run.faults];
  const stored = await run.readStored().catch((error): StoredRows => {
    faults.push(`the rows can't be read: ${error.message}`);
    return new Map();
  });
  const counted = { ...run.dropped };
  const { unsaved, ...compared } = run.compare(stored);
  let sums = compared;
  const inMemory = countRowsInMemory({ ...compared, unsaved }, sum(counted));
  if (inMemory > 0) counted['in memory at the kill'] = inMemory;
  if (run.other) {
    const { recorded, stored: rows, doubled } = run.other;
    sums = { recorded, stored: rows, doubled, lost: Math.max(0, recorded - rows) };
  }
  const { doubled, lost } = sums;
  const countedRows = sum(counted);
  if (doubled > 0) faults.push(`${doubled} rows doubled`);
  if (lost > countedRows) faults.push(`${lost - countedRows} rows lost without being counted`);
  const isExact = run.programs.every(({ mode }) => mode === 'writer');
  if (isExact && countedRows > lost) faults.push(`${countedRows} rows counted as lost`);
  for (const [reason, rows] of Object.entries(counted))
    if (!mayLose.includes(reason)) faults.push(`${rows} rows dropped: ${reason}`);
  // The messages of the programs explain the fault.
  if (faults.length > 0) faults.push(...run.warnings.slice(0, MAX_WARNINGS));
  const memoryGrowth = Math.max(0, ...run.programs.map((program) => program.memoryGrowth));
  const seconds = (performance.now() - startMs) / 1000;
  const { recoveryMs } = run;
  return { name, failure, ...sums, counted, recoveryMs, memoryGrowth, faults, seconds };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, rows) => total + rows, 0);
}
