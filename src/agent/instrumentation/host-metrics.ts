import { readFileSync, statfsSync } from 'node:fs';
import { cpus, freemem, loadavg, totalmem } from 'node:os';
import type { Meter, ObservableCallback } from '@opentelemetry/api';
import { guard } from '../../core/guard.ts';

/** State of the host. Usage values are in percent. Unavailable values are undefined. */
export interface HostSample {
  cpuUsage: number | undefined;
  memoryUsage: number;
  diskUsage: number | undefined;
  /** One-minute load average. */
  load: number;
  /** Bytes since the host started, excluding loopback traffic. */
  network: { receive: number; transmit: number } | undefined;
}

const MIN_SAMPLE_INTERVAL_MS = 1000;
/** Minimum time for the first CPU usage. The kernel counts CPU time in units of 10 ms. */
export const MIN_CPU_BASELINE_MS = 250;

/** Samples the host at most once per second, after the first CPU usage is known. */
export class HostSampler {
  #cpuTimes = readCpuTimes();
  #cpuTimesReadMs: number;
  #sample: HostSample | undefined;
  #sampledMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: number = performance.now()) {
    this.#cpuTimesReadMs = nowMs;
  }

  /** @param nowMs monotonic time in ms */
  sample(nowMs: number = performance.now()): HostSample {
    const isUpToDate =
      this.#sample?.cpuUsage !== undefined && nowMs - this.#sampledMs < MIN_SAMPLE_INTERVAL_MS;
    if (!this.#sample || !isUpToDate) {
      this.#sample = {
        cpuUsage: this.#computeCpuUsage(nowMs),
        // On Linux, libuv returns MemAvailable, which includes memory that caches use.
        memoryUsage: 100 * (1 - freemem() / totalmem()),
        diskUsage: readDiskUsage(),
        load: loadavg()[0] ?? 0,
        network: readNetworkBytes(),
      };
      this.#sampledMs = nowMs;
    }
    return this.#sample;
  }

  /** Returns the CPU usage since the last sample, or undefined during the first 250 ms. */
  #computeCpuUsage(nowMs: number): number | undefined {
    if (nowMs - this.#cpuTimesReadMs < MIN_CPU_BASELINE_MS) return this.#sample?.cpuUsage;
    const previous = this.#cpuTimes;
    const current = readCpuTimes();
    const total = current.total - previous.total;
    if (total <= 0) return this.#sample?.cpuUsage;
    this.#cpuTimes = current;
    this.#cpuTimesReadMs = nowMs;
    return Math.min(100, Math.max(0, 100 * (1 - (current.idle - previous.idle) / total)));
  }
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
 * https://opentelemetry.io/docs/specs/semconv/system/system-metrics/.
 */
export function instrumentHost(meter: Meter, sampler: HostSampler): void {
  meter
    .createObservableGauge('system.cpu.utilization', {
      unit: '1',
      description: 'Share of the host CPU time that was not idle.',
    })
    .addCallback(
      guardCallback((result) => {
        const { cpuUsage } = sampler.sample();
        if (cpuUsage !== undefined) result.observe(cpuUsage / 100);
      }),
    );
  meter
    .createObservableGauge('system.memory.utilization', {
      unit: '1',
      description: 'Share of the host memory that is not available.',
    })
    .addCallback(
      guardCallback((result) => {
        result.observe(sampler.sample().memoryUsage / 100, { 'system.memory.state': 'used' });
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
        result.observe(diskUsage / 100, { 'system.filesystem.mountpoint': '/' });
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
          result.observe(bytes, { 'network.io.direction': direction });
        }
      }),
    );
}

function guardCallback(callback: ObservableCallback): ObservableCallback {
  return guard('the host metrics', callback);
}
