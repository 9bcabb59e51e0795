import type { TimeRange } from '../../src/storage/queries/query-range.ts';
import { CYCLE_MS, type Cycle, getCycleIndex } from './export-cycles.ts';
import type { Series } from './metric-series.ts';

/** How often each cycle stands in a range whose bounds are whole intervals. */
function countCycleUses(fromMs: number, toMs: number): Map<number, number> {
  const uses = new Map<number, number>();
  for (let step = fromMs / CYCLE_MS; step < toMs / CYCLE_MS; step++) {
    const cycle = getCycleIndex(step, step * CYCLE_MS);
    uses.set(cycle, (uses.get(cycle) ?? 0) + 1);
  }
  return uses;
}

/** The exact percentile of the requests' durations in ms, by endpoint: from every single value. */
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
      const known = values.get(endpoint) ?? [];
      for (const ms of cycles[cycle]!.durations[i]!) known.push({ ms, uses });
      values.set(endpoint, known);
    });
  }
  return new Map([...values].map(([endpoint, all]) => [endpoint, computeQuantile(all, q)]));
}

/** The smallest value that the share `q` of all does not exceed. */
function computeQuantile(values: { ms: number; uses: number }[], q: number): number {
  const sorted = values.sort((a, b) => a.ms - b.ms);
  const rank = q * sorted.reduce((sum, { uses }) => sum + uses, 0);
  let below = 0;
  return sorted.find(({ uses }) => {
    below += uses;
    return below >= rank;
  })!.ms;
}
