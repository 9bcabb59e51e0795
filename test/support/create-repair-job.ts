import { RollupRepairJob } from '../../src/storage/migrations/rollup-repair-job.ts';
import { DEFAULT_RETENTION } from './default-retention.ts';

/** Creates a job that repairs roll-ups. `repair` runs it once, an hour after the previous run. */
export function createRepairJob({ target }: { readonly target: { readonly url: string } }) {
  const warnings: string[] = [];
  let now = 0;
  const job = new RollupRepairJob({
    target: () => target,
    retention: DEFAULT_RETENTION,
    isStoringRows: () => true,
    log: { info: () => {}, error: () => {}, warn: (message) => void warnings.push(message) },
    now: () => now,
  });
  const repair = async () => {
    now += 3_600_000;
    await job.runOnce();
  };
  return { job, repair, warnings };
}
