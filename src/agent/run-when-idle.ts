import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { startTimeout } from '../core/guarded-timers.ts';

const CHECK_INTERVAL_MS = 25;
/** Share of time in which the event loop is busy while an application starts. */
const MAX_UTILIZATION = 0.5;
/** A busy event loop delays each step by at most one second. */
const MAX_CHECKS = 40;

/**
 * Runs each step in its own turn of the event loop, when the application is idle. Otherwise, the steps would
 * delay the application's first requests and queries. A step that throws doesn't stop the others.
 *
 * @param part see `guard`
 */
export function runWhenIdle(part: string, steps: readonly (() => void)[]): void {
  const [step, ...others] = steps;
  if (step === undefined) return;
  let previous: EventLoopUtilization | undefined;
  let checks = 0;
  const check = () => {
    // The first check runs when the main file has run, so the time before doesn't count.
    const utilization = previous ? performance.eventLoopUtilization(previous).utilization : 1;
    previous = performance.eventLoopUtilization();
    checks++;
    if (utilization > MAX_UTILIZATION && checks < MAX_CHECKS) {
      startTimeout(part, check, CHECK_INTERVAL_MS);
      return;
    }
    runWhenIdle(part, others);
    step();
  };
  startTimeout(part, check, CHECK_INTERVAL_MS);
}
