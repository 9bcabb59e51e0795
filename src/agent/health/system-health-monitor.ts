import { withTimeout } from '../../core/concurrency.ts';
import { delay } from '../../core/delay.ts';
import { DAY_MS } from '../../core/duration.ts';
import { runGuarded, startTask } from '../../core/guard.ts';
import { startInterval } from '../../core/guarded-timers.ts';
import { evaluateHealthStatus, type HealthThresholds } from '../../core/health-status.ts';
import { createIdGenerator } from '../../core/schema/row-ids.ts';
import type { ServiceResource } from '../../core/schema/table-definition.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import {
  type HealthSnapshot,
  STOPPED_STATUS,
} from '../../core/schema/tables/system-health-table.ts';
import { checkFunction, checkName, isValidDate, toMsInRange } from '../argument-checks.ts';
import {
  type HostSample,
  type HostSampler,
  MIN_CPU_BASELINE_MS,
} from '../instrumentation/host/host-metrics.ts';
import type { EventLoopSampler } from '../instrumentation/host/runtime-metrics.ts';

export interface SystemHealthMonitorOptions {
  resource: ServiceResource;
  /** Name of the host, the container, or the pod. */
  hostName: string;
  host: HostSampler;
  eventLoop: EventLoopSampler;
  requests: DurationStats;
  /** Durations of database statements. */
  queries: DurationStats;
  /** Returns the number of open database connections, or undefined if there is no pool. */
  countConnections: () => number | undefined;
  thresholds: HealthThresholds;
  add: AddRows;
}

/** What fails, for {@link runGuarded}. */
const PART = 'the health monitoring';
/** The limits of the setting `SYSTEM_HEALTH_INTERVAL`. */
const INTERVAL_RANGE_MS = { min: 100, max: DAY_MS, fallback: 60_000 };
const UNKNOWN_HOST: HostSample = {
  cpuUsage: undefined,
  memoryUsage: 0,
  hostCpuUsage: undefined,
  hostMemoryUsage: 0,
  hasCpuLimit: false,
  hasMemoryLimit: false,
  processCpuUsage: undefined,
  processMemory: 0,
  diskUsage: undefined,
  load: 0,
  network: undefined,
};

/**
 * Writes `system_health` rows at an interval, and returns the current health on request.
 *
 * @example
 * import { systemHealthMonitor } from '@perfscope/agent';
 *
 * systemHealthMonitor.startMonitoring(30_000);
 */
export class SystemHealthMonitor {
  readonly #options: SystemHealthMonitorOptions;
  readonly #gauges = new GaugeRegistry();
  readonly #nextId = createIdGenerator();
  #timer: NodeJS.Timeout | undefined;
  #hasWaitedForCpu = false;
  /** Whether the last row says that the process has stopped. */
  #isStopped = false;

  /** @internal */
  constructor(options: SystemHealthMonitorOptions) {
    this.#options = options;
  }

  /**
   * Whether health rows are written at an interval.
   *
   * @internal
   */
  get isMonitoring(): boolean {
    return this.#timer !== undefined;
  }

  /**
   * Writes a health row now and every `intervalMs`. A second call changes the interval.
   *
   * @example
   * import { systemHealthMonitor } from '@perfscope/agent';
   *
   * systemHealthMonitor.startMonitoring(30_000);
   * @param intervalMs interval in ms, from 100 to 86,400,000 (a day). A value outside this range is
   * replaced by the nearest limit. Default: 60,000.
   * @throws PS_ARGUMENT_INVALID if `intervalMs` is not a number
   */
  startMonitoring(intervalMs?: number): void {
    const ms = toMsInRange('startMonitoring', 'intervalMs', intervalMs, INTERVAL_RANGE_MS);
    this.stopMonitoring();
    startTask(PART, () => this.writeRow());
    this.#timer = startInterval(PART, () => this.writeRow(), ms);
  }

  /**
   * Stops writing health rows. Never throws.
   *
   * @example
   * import { systemHealthMonitor } from '@perfscope/agent';
   *
   * systemHealthMonitor.stopMonitoring();
   */
  stopMonitoring(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Registers a function that returns a current value of the application. Each health snapshot
   * includes all gauges. Health rows include only the gauges `activeUsers`, `ongoingReservations`,
   * and `dbConnections`. A gauge that throws, takes longer than 5 s, or does not return a finite
   * number is left out. Gauges after the first 1,000 are ignored.
   *
   * @example
   * import { systemHealthMonitor } from '@perfscope/agent';
   *
   * const sessions = new Map<string, object>();
   * systemHealthMonitor.registerGauge('activeUsers', () => sessions.size);
   * @param name name of the gauge. Replaces an existing gauge with this name.
   * @param fn function that returns the current value, or a promise of it
   * @throws PS_ARGUMENT_INVALID if `name` is not a string, or `fn` is not a function
   */
  registerGauge(name: string, fn: GaugeFunction): void {
    checkName('registerGauge', 'name', name);
    checkFunction('registerGauge', 'fn', fn);
    this.#gauges.register(name, fn);
  }

  /**
   * Returns the current values of the registered gauges, by name. Never rejects.
   *
   * @internal
   */
  readGauges(): Promise<ReadonlyMap<string, number>> {
    return this.#gauges.readAll();
  }

  /**
   * Returns the current health of this process, its container, and its host. During the first 250 ms of the process,
   * waits until the CPU usage is known. Never rejects on a supported runtime.
   *
   * @example
   * import { systemHealthMonitor } from '@perfscope/agent';
   *
   * const { status, metrics } = await systemHealthMonitor.getHealthSnapshot();
   * console.log(status, metrics.cpu);
   * @param now timestamp of the snapshot. Default: the current time.
   * @returns the snapshot. Usage values and rates are in percent, times in ms, memory in bytes, and uptime in seconds.
   * @throws PS_RUNTIME_UNSUPPORTED if Perfscope doesn't support the JavaScript runtime
   */
  async getHealthSnapshot(now?: Date): Promise<HealthSnapshot> {
    const timestamp = isValidDate(now) ? now : undefined;
    const sample = runGuarded(PART, () => this.#options.host.sample());
    if (sample?.cpuUsage === undefined && !this.#hasWaitedForCpu) {
      await delay(MIN_CPU_BASELINE_MS);
      // Some systems don't report CPU times.
      this.#hasWaitedForCpu = true;
    }
    return this.#takeSnapshot(timestamp);
  }

  async #takeSnapshot(timestamp = new Date()): Promise<HealthSnapshot> {
    const { host, eventLoop, requests, queries, thresholds } = this.#options;
    const sample = runGuarded(PART, () => host.sample()) ?? UNKNOWN_HOST;
    const { cpuUsage: cpu, memoryUsage: memory, diskUsage: disk, load } = sample;
    const eventLoopSample = runGuarded(PART, () => eventLoop.sample());
    const gauges = await this.#gauges.readAll();
    const requestStats = requests.getStats();
    const dbConnections = gauges.get('dbConnections') ?? this.#countConnections();
    return {
      status: evaluateHealthStatus({ cpu, memory, disk, ...requestStats }, thresholds),
      timestamp,
      metrics: {
        cpu,
        memory,
        hostCpu: sample.hostCpuUsage,
        hostMemory: sample.hostMemoryUsage,
        processCpu: sample.processCpuUsage,
        processMemory: sample.processMemory,
        disk,
        load,
        ...requestStats,
        dbConnections: dbConnections === undefined ? undefined : Math.round(dbConnections),
        dbQueryTime: queries.getStats().avgResponseTime,
        uptime: process.uptime(),
        eventLoopDelayP99: eventLoopSample?.p99,
        eventLoopUtilization: eventLoopSample?.utilization,
        gauges: Object.fromEntries(gauges),
      },
    };
  }

  #countConnections(): number | undefined {
    return runGuarded(PART, () => this.#options.countConnections());
  }

  /**
   * Writes the last row of a process that ends normally, so that its silence is not an incident. Does
   * nothing without monitoring, or if such a row is already the last one. If the process continues, its next
   * row replaces the status.
   *
   * @internal
   */
  recordStop(): void {
    if (!this.isMonitoring || this.#isStopped) return;
    this.#isStopped = true;
    const now = Date.now();
    this.#options.add('system_health', [
      {
        ...this.#options.resource,
        id: this.#nextId(),
        timestamp: now,
        createdAt: now,
        status: STOPPED_STATUS,
        uptime: process.uptime(),
      },
    ]);
  }

  /**
   * Writes one row for the time since the last row. Never rejects.
   *
   * @internal
   */
  async writeRow(): Promise<void> {
    const { status, timestamp, metrics } = await this.#takeSnapshot();
    const { queries, requests } = this.#options;
    requests.reset();
    queries.reset();
    this.#isStopped = false;
    const { activeUsers, ongoingReservations } = metrics.gauges;
    this.#options.add('system_health', [
      {
        ...this.#options.resource,
        host: this.#options.hostName,
        id: this.#nextId(),
        timestamp: timestamp.getTime(),
        createdAt: timestamp.getTime(),
        status,
        avgResponseTime: metrics.avgResponseTime,
        errorRate: metrics.errorRate,
        uptime: metrics.uptime,
        memoryUsage: metrics.memory,
        cpuUsage: metrics.cpu,
        hostMemoryUsage: metrics.hostMemory,
        hostCpuUsage: metrics.hostCpu,
        processMemory: metrics.processMemory,
        processCpuUsage: metrics.processCpu,
        eventLoopUtilization: metrics.eventLoopUtilization,
        diskUsage: metrics.disk,
        eventLoopDelayP99: metrics.eventLoopDelayP99,
        load: metrics.load,
        dbConnections: metrics.dbConnections,
        dbQueryTime: metrics.dbQueryTime,
        activeUsers,
        ongoingReservations,
      },
    ]);
  }
}

/**
 * Returns the current value of a gauge.
 *
 * @inline
 */
type GaugeFunction = () => number | Promise<number>;

const GAUGE_TIMEOUT_MS = 5000;
/** Gauges over this limit are ignored, because each health row reads all gauges. */
const MAX_GAUGES = 1000;

/** Reads values that only the application can provide, such as the number of active users. */
class GaugeRegistry {
  readonly #functions = new Map<string, GaugeFunction>();

  register(name: string, fn: GaugeFunction): void {
    if (this.#functions.size >= MAX_GAUGES && !this.#functions.has(name)) return;
    this.#functions.set(name, fn);
  }

  /** Omits gauges that throw, time out, or don't return a finite number. */
  async readAll(): Promise<Map<string, number>> {
    const values = new Map<string, number>();
    await Promise.all(
      [...this.#functions].map(async ([name, fn]) => {
        const value = await readGauge(fn);
        if (Number.isFinite(value)) values.set(name, value as number);
      }),
    );
    return values;
  }
}

async function readGauge(fn: GaugeFunction): Promise<number | undefined> {
  const value = (async () => fn())();
  try {
    return await withTimeout(GAUGE_TIMEOUT_MS, value, () => undefined, { keepAlive: false });
  } catch {
    return undefined;
  }
}

/** Mean duration and error rate of the requests or statements since the last health row. */
export class DurationStats {
  #count = 0;
  #failed = 0;
  #sumMs = 0;

  add(durationMs: number, failed: boolean): void {
    this.#count += 1;
    this.#sumMs += durationMs;
    if (failed) this.#failed += 1;
  }

  /** @returns the mean in ms and the error rate in percent, or undefined if nothing was added */
  getStats(): { avgResponseTime: number | undefined; errorRate: number | undefined } {
    if (this.#count === 0) return { avgResponseTime: undefined, errorRate: undefined };
    return {
      avgResponseTime: this.#sumMs / this.#count,
      errorRate: (100 * this.#failed) / this.#count,
    };
  }

  reset(): void {
    this.#count = 0;
    this.#failed = 0;
    this.#sumMs = 0;
  }
}
