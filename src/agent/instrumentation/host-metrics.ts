import { readFileSync, statfsSync } from 'node:fs';
import { cpus, freemem, loadavg, totalmem } from 'node:os';
import type { Meter } from '@opentelemetry/api';

/** The host as it is now. Usages in percent; what the system does not tell is undefined. */
export interface HostSample {
  cpuUsage: number | undefined;
  memoryUsage: number;
  diskUsage: number | undefined;
  /** Load average of one minute. */
  load: number;
  /** Bytes since the host's start, loopback left out. */
  network: { receive: number; transmit: number } | undefined;
}

const MIN_SAMPLE_INTERVAL_MS = 1000;

/** Samples the host at most once a second, however many ask. */
export class HostSampler {
  #cpuTimes = readCpuTimes();
  #cpuTimesReadMs: number;
  #sample: HostSample | undefined;
  #sampledMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: number = performance.now()) {
    this.#cpuTimesReadMs = nowMs;
  }

  /** @param nowMs a monotonic time */
  sample(nowMs: number = performance.now()): HostSample {
    if (!this.#sample || nowMs - this.#sampledMs >= MIN_SAMPLE_INTERVAL_MS) {
      this.#sample = {
        cpuUsage: this.#computeCpuUsage(nowMs),
        // libuv's freemem is MemAvailable on Linux: what caches hold counts as free.
        memoryUsage: 100 * (1 - freemem() / totalmem()),
        diskUsage: readDiskUsage(),
        load: loadavg()[0] ?? 0,
        network: readNetworkBytes(),
      };
      this.#sampledMs = nowMs;
    }
    return this.#sample;
  }

  /** The share of time that was not idle since the last sample; a start's first moments are no share. */
  #computeCpuUsage(nowMs: number): number | undefined {
    if (nowMs - this.#cpuTimesReadMs < MIN_SAMPLE_INTERVAL_MS) return undefined;
    const before = this.#cpuTimes;
    const now = readCpuTimes();
    const total = now.total - before.total;
    if (total <= 0) return this.#sample?.cpuUsage;
    this.#cpuTimes = now;
    this.#cpuTimesReadMs = nowMs;
    return Math.min(100, Math.max(0, 100 * (1 - (now.idle - before.idle) / total)));
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

/** As `df` counts: blocks that only root may use are not free for the application. */
function readDiskUsage(): number | undefined {
  try {
    const { blocks, bfree, bavail } = statfsSync('/');
    const used = blocks - bfree;
    return used + bavail > 0 ? (100 * used) / (used + bavail) : undefined;
  } catch {
    return undefined;
  }
}

/** /proc/net/dev (proc(5)): after the name, field 1 is bytes received, field 9 bytes sent. */
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

/** Measures the host by the names of https://opentelemetry.io/docs/specs/semconv/system/system-metrics/. */
export function instrumentHost(meter: Meter, sampler: HostSampler): void {
  const share = { unit: '1' };
  meter
    .createObservableGauge('system.cpu.utilization', {
      ...share,
      description: 'Share of CPU time of the host that was not idle.',
    })
    .addCallback((result) => {
      const { cpuUsage } = sampler.sample();
      if (cpuUsage !== undefined) result.observe(cpuUsage / 100);
    });
  meter
    .createObservableGauge('system.memory.utilization', {
      ...share,
      description: 'Share of memory of the host that is not available.',
    })
    .addCallback((result) => {
      result.observe(sampler.sample().memoryUsage / 100, { 'system.memory.state': 'used' });
    });
  meter
    .createObservableGauge('system.filesystem.utilization', {
      ...share,
      description: 'Share of the root file system that is used.',
    })
    .addCallback((result) => {
      const { diskUsage } = sampler.sample();
      if (diskUsage === undefined) return;
      result.observe(diskUsage / 100, { 'system.filesystem.mountpoint': '/' });
    });
  // From now on: what went over the network since the host's start is no traffic of the first interval.
  const begun = sampler.sample().network;
  meter
    .createObservableCounter('system.network.io', {
      unit: 'By',
      description: 'Bytes that the host received and sent since the process started.',
    })
    .addCallback((result) => {
      const { network } = sampler.sample();
      if (!network || !begun) return;
      for (const direction of ['receive', 'transmit'] as const) {
        const bytes = Math.max(0, network[direction] - begun[direction]);
        result.observe(bytes, { 'network.io.direction': direction });
      }
    });
}
