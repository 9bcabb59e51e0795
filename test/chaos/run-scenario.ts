import type { StoredRows } from '../support/chaos-rows.ts';
import type { ExternalQuestdb } from '../support/external-questdb.ts';
import { waitForWal } from '../support/wait-for-rollups.ts';
import { ChaosRun, type ChaosSettings } from './chaos-run.ts';
import type { Scenario, ScenarioResult } from './scenario.ts';

/** Runs a scenario and compares the recorded rows with the stored and the counted rows. Never rejects. */
export async function runScenario(
  scenario: Scenario,
  questdb: ExternalQuestdb,
  settings: ChaosSettings,
): Promise<ScenarioResult> {
  const startMs = performance.now();
  const run = new ChaosRun(scenario.name, questdb, settings);
  try {
    const skipped = scenario.skip?.();
    if (skipped !== undefined) return { ...(await compare(scenario, run, startMs)), skipped };
    await run.proxy.start();
    try {
      await scenario.run(run);
      await run.finish();
      if (!run.target) await waitForWal(questdb, 30_000);
    } catch (error) {
      run.fail(error instanceof Error ? error.message : String(error));
    }
    return await compare(scenario, run, startMs);
  } finally {
    await run.remove();
  }
}

async function compare(
  { name, failure }: Scenario,
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
  if (unsaved > 0) counted['in memory at the kill'] = unsaved;
  if (run.other) {
    const { recorded, stored: rows, doubled } = run.other;
    sums = { recorded, stored: rows, doubled, lost: Math.max(0, recorded - rows) };
  }
  const { doubled, lost } = sums;
  const countedRows = Object.values(counted).reduce((sum, rows) => sum + rows, 0);
  if (doubled > 0) faults.push(`${doubled} rows doubled`);
  if (lost > countedRows) faults.push(`${lost - countedRows} rows lost without being counted`);
  const memoryGrowth = Math.max(0, ...run.programs.map((program) => program.memoryGrowth));
  const seconds = (performance.now() - startMs) / 1000;
  const { recoveryMs } = run;
  return { name, failure, ...sums, counted, recoveryMs, memoryGrowth, faults, seconds };
}
