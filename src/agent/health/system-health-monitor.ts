import { withTimeout } from '../../core/concurrency.ts';
import { createIdGenerator } from '../../core/schema/row-ids.ts';
import type { ServiceResource } from '../../core/schema/table-definition.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { HealthSnapshot } from '../../core/schema/tables/system-health-table.ts';
import type { HostSampler } from '../instrumentation/host-metrics.ts';
import type { EventLoopSampler } from '../instrumentation/runtime-metrics.ts';
import { evaluateHealthStatus, type HealthThresholds } from './health-status.ts';

export interface SystemHealthMonitorOptions {
  resource: ServiceResource;
  host: HostSampler;
  eventLoop: EventLoopSampler;
  requests: DurationStats;
  /** Statements that were sent to databases. */
  queries: DurationStats;
  /** Open database connections; undefined without a pool. */
  countConnections: () => number | undefined;
  thresholds: HealthThresholds;
  add: AddRows;
}

/** Writes a row of `system_health` at an interval, and answers how the process is right now. */
export class SystemHealthMonitor {
  readonly #options: SystemHealthMonitorOptions;
  readonly #gauges = new GaugeRegistry();
  readonly #nextId = createIdGenerator();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SystemHealthMonitorOptions) {
    this.#options = options;
  }

  get isMonitoring(): boolean {
    return this.#timer !== undefined;
  }

  /** Writes a row now and every `intervalMs`. Called again, it changes the interval. */
  startMonitoring(intervalMs = 60_000): void {
    this.stopMonitoring();
    void this.writeRow();
    this.#timer = setInterval(() => void this.writeRow(), intervalMs);
    this.#timer.unref();
  }

  stopMonitoring(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** `name` appears in snapshots; `activeUsers` and `ongoingReservations` also in the rows. */
  registerGauge(name: string, fn: GaugeFunction): void {
    this.#gauges.register(name, fn);
  }

  async getHealthSnapshot(now: Date = new Date()): Promise<HealthSnapshot> {
    const { host, eventLoop: loop, requests, thresholds } = this.#options;
    const { cpuUsage: cpu, memoryUsage: memory, diskUsage: disk, load } = host.sample();
    const gauges = await this.#gauges.readAll();
    const answered = requests.getStats();
    return {
      status: evaluateHealthStatus({ cpu, memory, disk, ...answered }, thresholds),
      timestamp: now,
      metrics: {
        cpu,
        memory,
        disk,
        load,
        ...answered,
        uptime: process.uptime(),
        eventLoopDelayP99: loop.sample()?.p99,
        gauges: Object.fromEntries(gauges),
      },
    };
  }

  /** Writes one row of the time since the last. Never rejects. */
  async writeRow(): Promise<void> {
    const { status, timestamp, metrics } = await this.getHealthSnapshot();
    const { queries, requests } = this.#options;
    const dbQueryTime = queries.getStats().avgResponseTime;
    requests.reset();
    queries.reset();
    const { activeUsers, ongoingReservations } = metrics.gauges;
    const dbConnections = metrics.gauges.dbConnections ?? this.#options.countConnections();
    this.#options.add('system_health', [
      {
        ...this.#options.resource,
        id: this.#nextId(),
        timestamp: timestamp.getTime(),
        createdAt: timestamp.getTime(),
        status,
        avgResponseTime: metrics.avgResponseTime,
        errorRate: metrics.errorRate,
        uptime: metrics.uptime,
        memoryUsage: metrics.memory,
        cpuUsage: metrics.cpu,
        diskUsage: metrics.disk,
        eventLoopDelayP99: metrics.eventLoopDelayP99,
        load: metrics.load,
        dbConnections: dbConnections === undefined ? undefined : Math.round(dbConnections),
        dbQueryTime,
        activeUsers,
        ongoingReservations,
      },
    ]);
  }
}

type GaugeFunction = () => number | Promise<number>;

const GAUGE_TIMEOUT_MS = 5000;

/** Values that only the application knows, such as its active users. */
class GaugeRegistry {
  readonly #functions = new Map<string, GaugeFunction>();

  /** `activeUsers`, `ongoingReservations` and `dbConnections` have columns of their own. */
  register(name: string, fn: GaugeFunction): void {
    this.#functions.set(name, fn);
  }

  /** Asks all of them. One that throws, hangs or gives no finite number has no value. */
  async readAll(): Promise<Map<string, number>> {
    const values = new Map<string, number>();
    await Promise.all(
      [...this.#functions].map(async ([name, fn]) => {
        const value = await withGaugeTimeout(fn).catch(() => undefined);
        if (Number.isFinite(value)) values.set(name, value as number);
      }),
    );
    return values;
  }
}

async function withGaugeTimeout(fn: GaugeFunction): Promise<number | undefined> {
  const value = Promise.resolve(fn());
  return withTimeout(GAUGE_TIMEOUT_MS, value, () => undefined, { keepAlive: false });
}

/** Counts the requests of this process between two health rows. */
export class DurationStats {
  #count = 0;
  #failed = 0;
  #sumMs = 0;

  add(durationMs: number, failed: boolean): void {
    this.#count += 1;
    this.#sumMs += durationMs;
    if (failed) this.#failed += 1;
  }

  /** @returns mean in ms and failed share in percent, undefined without requests; keeps counting */
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
