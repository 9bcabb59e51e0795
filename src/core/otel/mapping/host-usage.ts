import type { MappedSeries } from './map-series.ts';

/** Usage of a host and a process. Shares are 0 to 1, and sizes are in bytes. */
export interface HostUsage {
  cpu: number | undefined;
  memory: number | undefined;
  disk: number | undefined;
  /** Share of the CPU time that the process can use. */
  processCpu: number | undefined;
  processMemory: number | undefined;
  heap: number | undefined;
}

/** CPU time or share by its state, for all CPUs together. */
class StateSums {
  readonly #sums = new Map<string, number>();
  total = 0;

  add(state: string, value: number): void {
    this.#sums.set(state, (this.#sums.get(state) ?? 0) + value);
    this.total += value;
  }

  get isEmpty(): boolean {
    return this.#sums.size === 0;
  }

  get(...states: readonly string[]): number {
    return states.reduce((sum, state) => sum + (this.#sums.get(state) ?? 0), 0);
  }
}

/** States in which a CPU has nothing to do. */
const IDLE_STATES = ['idle', 'wait', 'iowait'];
const STATES_OF_MEMORY = ['used', 'free', 'buffered', 'buffers', 'cached', 'cache'];
/** The file system of the operating system. */
const ROOTS = new Set(['/', '/hostfs', 'C:', 'C:\\']);

/**
 * Computes one value for each host, process, and heap from the values by CPU, state, file system, or heap space. They
 * arrive as separate points of one export.
 */
export class HostUsageAggregator {
  readonly #cpuShares = new StateSums();
  readonly #cpuTimes = new StateSums();
  /** Numbers of the CPUs, or an empty text for all together. */
  readonly #cpus = new Set<string>();
  readonly #memory = new StateSums();
  readonly #fileSystems = new Map<string, StateSums>();
  readonly #diskShares = new Map<string, number>();
  #memoryShare: number | undefined;
  #cpuShare: number | undefined;
  #processCpu: number | undefined;
  /**
   * CPU usage of a Python process, where 1 is one CPU. The library measures it right after `process.cpu.utilization`. The
   * measured interval can therefore be shorter than a tick of the clock, and the value too large.
   */
  #processCores: number | undefined;
  /** CPU time of the process, in the unit of `#cpuTimes`. 0 if the process was idle. */
  #processTime: number | undefined;
  #processMemory: number | undefined;
  #heap: number | undefined;
  /** Name of the metric with the heap's parts. */
  heapName = '';

  /**
   * Adds a gauge, or the increase of a counter. Ignores other metrics.
   *
   * @param value a share from 0 to 1, a time, or bytes
   */
  add({ name, attributes }: MappedSeries, value: number): void {
    const get = (attribute: string) => {
      const text = attributes.get(attribute);
      return text === undefined ? undefined : String(text);
    };
    switch (name) {
      case 'system.cpu.utilization':
        this.#addCpuShare(get('cpu.mode'), get('cpu.logical_number'), value);
        return;
      case 'system.cpu.time':
        this.#cpuTimes.add(get('cpu.mode') ?? '', value);
        this.#cpus.add(get('cpu.logical_number') ?? '');
        return;
      case 'container.cpu.utilization':
      case 'jvm.system.cpu.utilization':
        this.#cpuShare = value;
        return;
      case 'system.memory.utilization': {
        const state = get('system.memory.state');
        if (state === undefined || state === 'used') this.#memoryShare = value;
        return;
      }
      case 'container.memory.utilization':
        this.#memoryShare = value;
        return;
      case 'system.memory.usage':
        this.#addMemory(get('system.memory.state') ?? '', value);
        return;
      case 'system.filesystem.utilization': {
        const state = get('system.filesystem.state');
        const mountPoint = get('system.filesystem.mountpoint') ?? '/';
        if (state === undefined || state === 'used') this.#diskShares.set(mountPoint, value);
        return;
      }
      case 'system.filesystem.usage':
        this.#addFileSystem(
          get('system.filesystem.mountpoint') ?? '/',
          get('system.filesystem.state') ?? '',
          value,
        );
        return;
      case 'process.cpu.utilization':
      case 'jvm.cpu.recent_utilization':
        this.#processCpu = (this.#processCpu ?? 0) + value;
        return;
      case 'process.runtime.cpython.cpu.utilization':
      case 'process.runtime.pypy.cpu.utilization':
        this.#processCores = value;
        return;
      case 'process.cpu.time':
        this.#processTime = (this.#processTime ?? 0) + value;
        return;
      case 'process.memory.usage':
      case 'dotnet.process.memory.working_set':
        this.#processMemory = value;
        return;
      case 'process.runtime.cpython.memory':
      case 'process.runtime.pypy.memory':
        if (get('process.memory.type') === 'rss') this.#processMemory ??= value;
        return;
      default:
        this.#addHeapPart(name, get, value);
        return;
    }
  }

  /** Returns what is known. */
  getUsage(): HostUsage {
    return {
      cpu: this.#getCpu(),
      memory: this.#memoryShare ?? this.#getMemory(),
      disk: this.#getDisk(),
      processCpu: this.#getProcessCpu(),
      processMemory: this.#processMemory,
      heap: this.#heap,
    };
  }

  /** Whether the host's CPU usage has to be stored as a row, because no point contains it. */
  get isCpuComputed(): boolean {
    return this.#cpuShare === undefined;
  }

  get isMemoryComputed(): boolean {
    return this.#memoryShare === undefined;
  }

  /** Mount points whose usage has to be stored as a row, with the used share. */
  getComputedDisks(): [mountPoint: string, share: number][] {
    return [...this.#fileSystems]
      .filter(([mountPoint, { total }]) => total > 0 && !this.#diskShares.has(mountPoint))
      .map(([mountPoint, sums]) => [mountPoint, toShare(sums.get('used'), sums.total)]);
  }

  #addCpuShare(state: string | undefined, cpu: string | undefined, value: number): void {
    if (state === undefined) {
      this.#cpuShare = value;
      return;
    }
    this.#cpuShares.add(state, value);
    this.#cpus.add(cpu ?? '');
  }

  #addMemory(state: string, value: number): void {
    // Other states, such as `inactive`, are parts of these.
    if (STATES_OF_MEMORY.includes(state)) this.#memory.add(state, value);
  }

  #addFileSystem(mountPoint: string, state: string, value: number): void {
    let sums = this.#fileSystems.get(mountPoint);
    if (!sums) {
      sums = new StateSums();
      this.#fileSystems.set(mountPoint, sums);
    }
    sums.add(state, value);
  }

  #addHeapPart(name: string, get: (attribute: string) => string | undefined, value: number): void {
    const isPart =
      (name === 'v8js.memory.heap.used' && get('v8js.heap.space.name') !== undefined) ||
      (name === 'jvm.memory.used' && get('jvm.memory.type') === 'heap') ||
      (name === 'go.memory.used' && get('go.memory.type') === 'other') ||
      name === 'dotnet.gc.last_collection.heap.size';
    if (!isPart) return;
    this.heapName = name;
    this.#heap = (this.#heap ?? 0) + value;
  }

  #getCpu(): number | undefined {
    if (this.#cpuShare !== undefined) return this.#cpuShare;
    const idle = this.#cpuShares.get(...IDLE_STATES);
    if (!this.#cpuShares.isEmpty) return clampShare(1 - idle / this.#cpus.size);
    const { total } = this.#cpuTimes;
    return total > 0 ? clampShare(1 - this.#cpuTimes.get(...IDLE_STATES) / total) : undefined;
  }

  #getProcessCpu(): number | undefined {
    if (this.#processCpu !== undefined) return clampShare(this.#processCpu);
    // The CPU times of the host also count the time in which the CPUs had nothing to do.
    const { total } = this.#cpuTimes;
    if (total > 0 && this.#processTime !== undefined) return toShare(this.#processTime, total);
    if (this.#processCores === undefined) return undefined;
    return clampShare(this.#processCores / Math.max(1, this.#cpus.size));
  }

  #getMemory(): number | undefined {
    const { total } = this.#memory;
    return total > 0 ? toShare(this.#memory.get('used'), total) : undefined;
  }

  /** Returns the share of the root file system, or of the fullest one. */
  #getDisk(): number | undefined {
    const shares = [...this.#diskShares, ...this.getComputedDisks()];
    const root = shares.find(([mountPoint]) => ROOTS.has(mountPoint));
    if (root) return root[1];
    return shares.length === 0 ? undefined : Math.max(...shares.map(([, share]) => share));
  }
}

function toShare(part: number, total: number): number {
  return clampShare(part / total);
}

function clampShare(share: number): number {
  return Math.min(1, Math.max(0, share));
}
