import { readFileSync, statfsSync } from 'node:fs';
import { cpus, freemem, loadavg, totalmem } from 'node:os';

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

const FRESH_MS = 1000;

/** Samples the host at most once a second, however many ask. */
export class HostSampler {
  #times = cpuTimes();
  #timesMs: number;
  #sample: HostSample | undefined;
  #takenMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: number = performance.now()) {
    this.#timesMs = nowMs;
  }

  /** @param nowMs a monotonic time */
  sample(nowMs: number = performance.now()): HostSample {
    if (!this.#sample || nowMs - this.#takenMs >= FRESH_MS) {
      this.#sample = {
        cpuUsage: this.#cpuUsage(nowMs),
        // libuv's freemem is MemAvailable on Linux: what caches hold counts as free.
        memoryUsage: 100 * (1 - freemem() / totalmem()),
        diskUsage: diskUsage(),
        load: loadavg()[0] ?? 0,
        network: networkBytes(),
      };
      this.#takenMs = nowMs;
    }
    return this.#sample;
  }

  /** The share of time that was not idle since the last sample; a start's first moments are no share. */
  #cpuUsage(nowMs: number): number | undefined {
    if (nowMs - this.#timesMs < FRESH_MS) return undefined;
    const before = this.#times;
    const now = cpuTimes();
    const total = now.total - before.total;
    if (total <= 0) return this.#sample?.cpuUsage;
    this.#times = now;
    this.#timesMs = nowMs;
    return Math.min(100, Math.max(0, 100 * (1 - (now.idle - before.idle) / total)));
  }
}

function cpuTimes(): { idle: number; total: number } {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idle, total };
}

/** As `df` counts: blocks that only root may use are not free for the application. */
function diskUsage(): number | undefined {
  try {
    const { blocks, bfree, bavail } = statfsSync('/');
    const used = blocks - bfree;
    return used + bavail > 0 ? (100 * used) / (used + bavail) : undefined;
  } catch {
    return undefined;
  }
}

/** /proc/net/dev (proc(5)): after the name, field 1 is bytes received, field 9 bytes sent. */
function networkBytes(): HostSample['network'] {
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
