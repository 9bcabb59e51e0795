import { type EventLoopUtilization, performance as threadPerformance } from 'node:perf_hooks';
import { takeCallTimeMs } from '../../core/call-timer.ts';

/** Time constant of the mean, in ms. Shorter bursts, such as the start of the application, have little weight. */
const MEAN_MS = 30_000;

/** Times since the last measurement, in ms. */
export interface CpuTimes {
  /** Estimated time of the agent's calls. Includes time in which other processes had the CPU. */
  readonly agentMs: number;
  /** Time in which the event loop was active. Includes time in which other processes had the CPU. */
  readonly activeMs: number;
  /** CPU time of the process. */
  readonly cpuMs: number;
  readonly elapsedMs: number;
}

/**
 * Returns the CPU time of the agent as a share of one core. On a busy machine, the agent's calls take longer than their
 * CPU time. So their share of the event loop's active time is applied to the CPU time of the process.
 */
export function computeCpuShare({ agentMs, activeMs, cpuMs, elapsedMs }: CpuTimes): number {
  if (elapsedMs <= 0) return 0;
  const share = activeMs > 0 ? Math.min(1, agentMs / activeMs) : 0;
  return Math.min(agentMs, share * cpuMs) / elapsedMs;
}

/** Measures the mean CPU time of the agent over about 30 s, as a share of one core. */
export class CpuShareMeter {
  #measuredMs = performance.now();
  #cpu = process.cpuUsage();
  #utilization: EventLoopUtilization = threadPerformance.eventLoopUtilization();
  #mean = 0;

  constructor() {
    // The time before the first measurement contains the start of the agent.
    takeCallTimeMs();
  }

  /** Adds the time since the last call, and returns the mean. */
  measure(): number {
    const nowMs = performance.now();
    const cpu = process.cpuUsage();
    const utilization = threadPerformance.eventLoopUtilization();
    const elapsedMs = nowMs - this.#measuredMs;
    const share = computeCpuShare({
      agentMs: takeCallTimeMs(),
      activeMs: threadPerformance.eventLoopUtilization(utilization, this.#utilization).active,
      cpuMs: (cpu.user - this.#cpu.user + cpu.system - this.#cpu.system) / 1000,
      elapsedMs,
    });
    this.#measuredMs = nowMs;
    this.#cpu = cpu;
    this.#utilization = utilization;
    this.#mean += (share - this.#mean) * (1 - Math.exp(-elapsedMs / MEAN_MS));
    return this.#mean;
  }

  /** Starts a new mean, because the agent now records more or less than before. */
  reset(): void {
    this.#mean = 0;
  }
}
