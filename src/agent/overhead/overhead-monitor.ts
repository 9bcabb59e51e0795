import type { Meter, ObservableResult } from '@opentelemetry/api';
import { guard } from '../../core/guard.ts';
import { startInterval } from '../../core/guarded-timers.ts';
import type { Logger } from '../../core/log.ts';
import { createError } from '../../core/perfscope-error.ts';
import { CpuShareMeter } from './cpu-share.ts';
import { INITIAL_BUDGET, type OverheadUsage, updateBudget } from './overhead-budget.ts';
import { OMITTED_PARTS, overhead } from './overhead-level.ts';

/** What fails, for {@link guard}. */
const PART = 'the overhead budget';
const MAX_INTERVAL_MS = 10_000;

/** Memory of the loaded code, without values. Measured as the difference in the heap of an idle process. */
const CODE_BYTES = 8e6;
/** One series of a histogram with its key and attributes. */
const SERIES_BYTES = 1000;
/** One row in memory. */
const ROW_BYTES = 700;

/** Numbers of objects that need most of the memory. */
interface MemoryCounts {
  readonly series: number;
  readonly rows: number;
}

export interface OverheadMonitorOptions {
  readonly meter: Meter;
  readonly limits: OverheadUsage;
  /** Interval of the exports. The usage is measured as often, and at least every 10 s. */
  readonly exportIntervalMs: number;
  readonly countObjects: () => MemoryCounts;
  readonly log: Logger;
}

/**
 * Measures the CPU time and memory of the agent. If they exceed the limits, reduces what the agent records until they
 * are below the limits again.
 *
 * @returns a function that stops this
 */
export function monitorOverhead(options: OverheadMonitorOptions): () => void {
  const { meter, limits, exportIntervalMs, countObjects, log } = options;
  let state = INITIAL_BUDGET;
  /** Undefined before the first measurement. */
  let usage: OverheadUsage | undefined;
  const cpuShare = new CpuShareMeter();
  let isLogged = false;

  const measure = () => {
    usage = { cpu: cpuShare.measure(), memory: estimateMemory(countObjects()) };
    state = updateBudget(state, usage, limits);
    if (state.level !== overhead.level) cpuShare.reset();
    overhead.level = state.level;
    if (state.level === 0 || isLogged) return;
    isLogged = true;
    log.warn(
      createError('PS_OVERHEAD_LIMIT', {
        cpu: (100 * usage.cpu).toFixed(1),
        memory: (usage.memory / 1e6).toFixed(0),
        omitted: OMITTED_PARTS[state.level] ?? '',
      }).message,
    );
  };
  const timer = startInterval(PART, measure, Math.min(exportIntervalMs, MAX_INTERVAL_MS));
  createGauges(meter, () => usage);
  return () => {
    clearInterval(timer);
    overhead.level = INITIAL_BUDGET.level;
  };
}

function createGauges(meter: Meter, getUsage: () => OverheadUsage | undefined): void {
  type GetValue = () => number | undefined;
  const gauges: readonly [name: string, unit: string, description: string, GetValue][] = [
    [
      'perfscope.agent.cpu.utilization',
      '1',
      'Estimated CPU time of the agent, as a share of one core.',
      () => getUsage()?.cpu,
    ],
    [
      'perfscope.agent.memory.usage',
      'By',
      'Estimated memory of the agent.',
      () => getUsage()?.memory,
    ],
    [
      'perfscope.agent.overhead.level',
      '1',
      'How many parts the agent omits because it exceeded its limits. 0 means none.',
      () => overhead.level,
    ],
  ];
  for (const [name, unit, description, getValue] of gauges) {
    const observe = (result: ObservableResult) => {
      const value = getValue();
      if (value !== undefined) result.observe(value);
    };
    meter.createObservableGauge(name, { unit, description }).addCallback(guard(PART, observe));
  }
}

/** Estimates the memory of the agent from numbers of objects, in bytes. */
function estimateMemory({ series, rows }: MemoryCounts): number {
  return CODE_BYTES + series * SERIES_BYTES + rows * ROW_BYTES;
}
