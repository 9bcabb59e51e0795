import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import { formatDuration } from '../../../core/format.ts';
import { coarsenStep } from '../../../storage/queries/time-buckets.ts';
import { ceilTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { StoredTable } from '../../../storage/questdb/table-catalog.ts';
import type { AlertRule } from '../../alerts/rules/alert-rule.ts';

/** The times at which a backtest evaluates the rules, and the length of the cells that it reads. */
export interface ReplayGrid {
  /** Time between two evaluations, in ms. */
  readonly stepMs: number;
  /** Cells can't be shorter than this, in ms. */
  readonly minCellMs: number;
  /** Times of the first and of the last evaluation. Both are multiples of the step. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** What the backtest can't reproduce exactly, because only roll-ups are stored. */
  readonly notes: readonly string[];
}

/** A cell can't be shorter, because SQL rounds times to seconds. */
const MIN_CELL_MS = 1000;

/**
 * Plans the evaluations of a range. If only roll-ups go back to its start, the step is at least the interval of
 * the roll-ups.
 *
 * @param warmupMs length of the longest window, in ms, which is read before the first evaluation
 * @param tables the measurement tables with their roll-ups
 */
export function planReplayGrid(
  { fromMs, toMs }: TimeRange,
  requestedMs: number,
  warmupMs: number,
  tables: readonly (readonly StoredTable[])[],
): ReplayGrid {
  const whole = { fromMs: fromMs - warmupMs, toMs };
  const minCellMs = Math.max(
    ...tables.map((stored) => coarsenStep({ ms: MIN_CELL_MS, zone: 'utc' }, whole, stored).step.ms),
    MIN_CELL_MS,
  );
  const stepMs = ceilTo(Math.max(requestedMs, MIN_CELL_MS), minCellMs);
  const notes: string[] = [];
  if (minCellMs >= HOUR_MS) {
    notes.push(
      `Part of the data is stored only per ${formatDuration(minCellMs)}. Values that change faster are averaged.`,
    );
  } else if (minCellMs >= MINUTE_MS && requestedMs % MINUTE_MS !== 0) {
    notes.push('Part of the data is stored only per minute.');
  }
  if (stepMs !== requestedMs) {
    notes.push(
      `The step is ${formatDuration(stepMs)} instead of ${formatDuration(requestedMs)}, because the data isn't stored more finely.`,
    );
  }
  return {
    stepMs,
    minCellMs,
    firstMs: ceilTo(fromMs, stepMs),
    lastMs: Math.floor(toMs / stepMs) * stepMs,
    notes,
  };
}

/**
 * Adapts a rule to the grid: it is evaluated at each step, and its windows are whole cells.
 *
 * @returns the rule, and how its values differ from the values of live evaluation
 */
export function adaptRule(
  rule: AlertRule,
  { stepMs, minCellMs }: Pick<ReplayGrid, 'stepMs' | 'minCellMs'>,
): { readonly rule: AlertRule; readonly notes: readonly string[] } {
  const { source } = rule;
  const notes: string[] = [];
  if (source.kind !== 'measure') return { rule: { ...rule, intervalMs: stepMs }, notes };
  const windowMs = ceilTo(source.windowMs, minCellMs);
  if (windowMs !== source.windowMs) {
    notes.push(
      `its window is ${formatDuration(windowMs)} instead of ${formatDuration(source.windowMs)}, because the data isn't stored more finely`,
    );
  }
  if (minCellMs >= MINUTE_MS && source.aggregate === 'last') {
    notes.push(`its value is the last of each ${formatDuration(minCellMs)}`);
  }
  if (windowMs < stepMs) {
    notes.push(
      `its window of ${formatDuration(windowMs)} is shorter than the step, so ${formatDuration(stepMs - windowMs)} of each step aren't evaluated`,
    );
  }
  const baselineMs = source.baselineMs && ceilTo(source.baselineMs, minCellMs);
  return {
    rule: { ...rule, intervalMs: stepMs, source: { ...source, windowMs, baselineMs } },
    notes,
  };
}

/** Returns the length of the cells of a store: the longest length that divides the step and all windows. */
export function computeCellMs(stepMs: number, windowsMs: readonly number[]): number {
  return windowsMs.reduce(computeGcd, stepMs);
}

function computeGcd(a: number, b: number): number {
  return b === 0 ? a : computeGcd(b, a % b);
}
