import { readFileSync, statfsSync } from 'node:fs';
import { cpus, freemem, loadavg, totalmem } from 'node:os';
import type { Meter, ObservableCallback } from '@opentelemetry/api';
import { guard } from '../../../core/guard.ts';
import { readCgroup } from './cgroup.ts';

/** State of the host, the container, and the process. Usage values are in percent. */
export interface HostSample {
  /** Share of the container's CPU limit, or of the host's CPUs without a limit. */
  cpuUsage: number | undefined;
  /** Share of the container's memory limit, or of the host's memory without a limit. */
  memoryUsage: number;
  hostCpuUsage: number | undefined;
  hostMemoryUsage: number;
  /** Whether the container has a limit, so that its usage differs from the host's. */
  hasCpuLimit: boolean;
  hasMemoryLimit: boolean;
  /** CPU time of this process, as a share of the CPUs that it can use. */
  processCpuUsage: number | undefined;
  /** Resident set size of this process, in bytes. */
  processMemory: number;
  diskUsage: number | undefined;
  /** One-minute load average of the host. */
  load: number;
  /** Bytes since the host started, excluding loopback traffic. */
  network: { receive: number; transmit: number } | undefined;
}

const MIN_SAMPLE_INTERVAL_MS = 1000;
/** Minimum time for the first CPU usage. The kernel counts CPU time in units of 10 ms. */
export const MIN_CPU_BASELINE_MS = 250;
/** A timer can fire earlier, because its time starts with the current turn of the event loop. */
const TIMER_TOLERANCE_MS = 50;

/** CPU times since the start of the host, the container, or the process. */
interface CpuTimes {
  readonly nowMs: number;
  readonly host: { readonly idle: number; readonly total: number };
  readonly processMs: number;
  /** Undefined if the container has no limit, or its CPU time can't be read. */
  readonly container: { readonly nowMs: number; readonly usedMs: number } | undefined;
}

/** Samples the host, the container, and the process at most once per second, after the first CPU usage is known. */
export class HostSampler {
  readonly #root: string | undefined;
  #times: CpuTimes;
  #sample: HostSample | undefined;
  #sampledMs = Number.NEGATIVE_INFINITY;

  /**
   * @param nowMs monotonic time in ms
   * @param root see {@link readCgroup}
   */
  constructor(nowMs: number = performance.now(), root?: string) {
    this.#root = root;
    // The container is read later, because applications start faster without it.
    this.#times = readTimes(nowMs, undefined);
  }

  /** @param nowMs monotonic time in ms */
  sample(nowMs: number = performance.now()): HostSample {
    const isUpToDate =
      this.#sample?.cpuUsage !== undefined && nowMs - this.#sampledMs < MIN_SAMPLE_INTERVAL_MS;
    if (!this.#sample || !isUpToDate) {
      const { cpu, memory } = readCgroup(this.#root);
      const cpuCount = cpus().length;
      const cpuLimit = cpu && cpu.limit < cpuCount ? cpu.limit : undefined;
      const memoryLimit = memory && memory.limit < totalmem() ? memory.limit : undefined;
      // On Linux, libuv returns MemAvailable, which includes memory that caches use.
      const hostMemoryUsage = 100 * (1 - freemem() / totalmem());
      this.#sample = {
        ...this.#computeCpuUsage(nowMs, cpuLimit, cpuLimit && cpu?.usedMs),
        memoryUsage: memory && memoryLimit ? toPercent(memory.used, memoryLimit) : hostMemoryUsage,
        hostMemoryUsage,
        hasCpuLimit: cpuLimit !== undefined,
        hasMemoryLimit: memoryLimit !== undefined,
        processMemory: process.memoryUsage.rss(),
        diskUsage: readDiskUsage(),
        load: loadavg()[0] ?? 0,
        network: readNetworkBytes(),
      };
      this.#sampledMs = nowMs;
    }
    return this.#sample;
  }

  /** Returns the CPU usage since the last sample, or undefined values during the first 250 ms. */
  #computeCpuUsage(
    nowMs: number,
    cpuLimit: number | undefined,
    containerMs: number | undefined,
  ): Pick<HostSample, 'cpuUsage' | 'hostCpuUsage' | 'processCpuUsage'> {
    const previous = this.#times;
    const container = containerMs === undefined ? undefined : { nowMs, usedMs: containerMs };
    const elapsedMs = nowMs - previous.nowMs;
    if (elapsedMs < MIN_CPU_BASELINE_MS - TIMER_TOLERANCE_MS) {
      this.#times = { ...previous, container: previous.container ?? container };
      const { cpuUsage, hostCpuUsage, processCpuUsage } = this.#sample ?? {};
      return { cpuUsage, hostCpuUsage, processCpuUsage };
    }
    const current = readTimes(nowMs, container);
    const total = current.host.total - previous.host.total;
    const idle = current.host.idle - previous.host.idle;
    // The times of the host have a low resolution.
    const hostCpuUsage = total > 0 ? toPercent(total - idle, total) : this.#sample?.hostCpuUsage;
    this.#times = current;
    const processMs = current.processMs - previous.processMs;
    const processCpuUsage = toPercent(processMs, elapsedMs * (cpuLimit ?? cpus().length));
    if (cpuLimit === undefined) return { cpuUsage: hostCpuUsage, hostCpuUsage, processCpuUsage };
    // Without the container's time, the process is the best approximation.
    const cpuUsage = container
      ? previous.container &&
        toPercent(
          container.usedMs - previous.container.usedMs,
          (nowMs - previous.container.nowMs) * cpuLimit,
        )
      : processCpuUsage;
    return { cpuUsage, hostCpuUsage, processCpuUsage };
  }
}

function readTimes(nowMs: number, container: CpuTimes['container']): CpuTimes {
  const { user, system } = process.cpuUsage();
  return { nowMs, host: readCpuTimes(), processMs: (user + system) / 1000, container };
}

function toPercent(part: number, whole: number): number {
  return Math.min(100, Math.max(0, (100 * part) / whole));
}

function readCpuTimes(): { idle: number; total: number } {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idle, total };
}

/** Computes disk usage like `df`: blocks reserved for root don't count as free. */
function readDiskUsage(): number | undefined {
  try {
    const { blocks, bfree, bavail } = statfsSync('/');
    const used = blocks - bfree;
    return used + bavail > 0 ? (100 * used) / (used + bavail) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads `/proc/net/dev`. Field 1 is bytes received, and field 9 is bytes sent (see proc(5)). */
function readNetworkBytes(): HostSample['network'] {
  try {
    const sum = { receive: 0, transmit: 0 };
    for (const line of readFileSync('/proc/net/dev', 'utf8').split('\n').slice(2)) {
      const [name, rest] = line.split(':');
      if (rest === undefined || name?.trim() === 'lo') continue;
      const fields = rest.trim().split(/\s+/).map(Number);
      sum.receive += fields[0] ?? 0;
      sum.transmit += fields[8] ?? 0;
    }
    return sum;
  } catch {
    return undefined;
  }
}

/**
 * Records host metrics. The names follow
 * https://opentelemetry.io/docs/specs/semconv/system/system-metrics/ and …/process-metrics/. If the container
 * has a limit, `container.*` replaces `system.*`, so that each process has one CPU and one memory usage.
 *
 * @param hostName name of the host, the container, or the pod
 */
export function instrumentHost(meter: Meter, sampler: HostSampler, hostName: string): void {
  const host = { 'host.name': hostName };
  for (const [scope, isContainer] of [
    ['container', true],
    ['system', false],
  ] as const) {
    const subject = isContainer ? "container's limit" : 'host';
    meter
      .createObservableGauge(`${scope}.cpu.utilization`, {
        unit: '1',
        description: `Share of the CPU time of the ${subject} that was used.`,
      })
      .addCallback(
        guardCallback((result) => {
          const { cpuUsage, hasCpuLimit } = sampler.sample();
          if (cpuUsage !== undefined && hasCpuLimit === isContainer)
            result.observe(cpuUsage / 100, host);
        }),
      );
    meter
      .createObservableGauge(`${scope}.memory.utilization`, {
        unit: '1',
        description: `Share of the memory of the ${subject} that is not available.`,
      })
      .addCallback(
        guardCallback((result) => {
          const { memoryUsage, hasMemoryLimit } = sampler.sample();
          if (hasMemoryLimit !== isContainer) return;
          const state = isContainer ? {} : { 'system.memory.state': 'used' };
          result.observe(memoryUsage / 100, { ...host, ...state });
        }),
      );
  }
  meter
    .createObservableGauge('process.cpu.utilization', {
      unit: '1',
      description: 'Share of the CPU time that the process can use.',
    })
    .addCallback(
      guardCallback((result) => {
        const { processCpuUsage } = sampler.sample();
        if (processCpuUsage !== undefined) result.observe(processCpuUsage / 100);
      }),
    );
  meter
    .createObservableGauge('system.filesystem.utilization', {
      unit: '1',
      description: 'Used share of the root file system.',
    })
    .addCallback(
      guardCallback((result) => {
        const { diskUsage } = sampler.sample();
        if (diskUsage === undefined) return;
        result.observe(diskUsage / 100, { ...host, 'system.filesystem.mountpoint': '/' });
      }),
    );
  // Subtracted from later values, so that the first interval excludes the host's earlier traffic.
  const initial = sampler.sample().network;
  meter
    .createObservableCounter('system.network.io', {
      unit: 'By',
      description: 'Bytes that the host received and sent since the process started.',
    })
    .addCallback(
      guardCallback((result) => {
        const { network } = sampler.sample();
        if (!network || !initial) return;
        for (const direction of ['receive', 'transmit'] as const) {
          const bytes = Math.max(0, network[direction] - initial[direction]);
          result.observe(bytes, { ...host, 'network.io.direction': direction });
        }
      }),
    );
}

function guardCallback(callback: ObservableCallback): ObservableCallback {
  return guard('the host metrics', callback);
}
