import type { TimeRange } from '../../src/storage/queries/time-range.ts';
import { CYCLE_MS, type Cycle, getCycleIndex } from './export-cycles.ts';
import type { Series } from './metric-series.ts';

/** Counts how often each cycle occurs in a range whose bounds are multiples of `CYCLE_MS`. */
function countCycleUses(fromMs: number, toMs: number): Map<number, number> {
  const uses = new Map<number, number>();
  for (let step = fromMs / CYCLE_MS; step < toMs / CYCLE_MS; step++) {
    const cycle = getCycleIndex(step, step * CYCLE_MS);
    uses.set(cycle, (uses.get(cycle) ?? 0) + 1);
  }
  return uses;
}

/** Computes the exact percentile of request durations by endpoint, in ms, from all values. */
export function computeExactByEndpoint(
  series: readonly Series[],
  cycles: readonly Cycle[],
  range: TimeRange,
  q: number,
): Map<string, number> {
  const values = new Map<string, { ms: number; uses: number }[]>();
  for (const [cycle, uses] of countCycleUses(range.fromMs, range.toMs)) {
    series.forEach(({ metric, endpoint }, i) => {
      if (metric !== 'http') return;
      const durations = values.get(endpoint) ?? [];
      for (const ms of cycles[cycle]!.durations[i]!) durations.push({ ms, uses });
      values.set(endpoint, durations);
    });
  }
  return new Map([...values].map(([endpoint, all]) => [endpoint, computeQuantile(all, q)]));
}

/** Returns the smallest value that is greater than or equal to the share `q` of all values. */
function computeQuantile(values: { ms: number; uses: number }[], q: number): number {
  const sorted = values.sort((a, b) => a.ms - b.ms);
  const rank = q * sorted.reduce((sum, { uses }) => sum + uses, 0);
  let below = 0;
  return sorted.find(({ uses }) => {
    below += uses;
    return below >= rank;
  })!.ms;
}
