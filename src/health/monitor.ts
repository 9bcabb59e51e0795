import type { EventLoopSampler } from '../instrumentation/event-loop-sampler.ts';
import type { HostSampler } from '../instrumentation/host-sampler.ts';
import type { Origin } from '../schema/dimensions.ts';
import type { HealthSnapshot } from '../schema/health-snapshot.ts';
import { idSource } from '../schema/identity.ts';
import type { Add } from '../schema/tables.ts';
import { type GaugeFunction, Gauges } from './gauges.ts';
import type { RequestStats } from './request-stats.ts';
import { type HealthThresholds, statusOf } from './status.ts';

export interface HealthOptions {
  origin: Origin;
  host: HostSampler;
  loop: EventLoopSampler;
  requests: RequestStats;
  /** Statements that were sent to databases. */
  queries: RequestStats;
  /** Open database connections; undefined without a pool. */
  connections: () => number | undefined;
  thresholds: HealthThresholds;
  add: Add;
}

/** Writes a row of `system_health` at an interval, and answers how the process is right now. */
export class SystemHealthMonitor {
  readonly #options: HealthOptions;
  readonly #gauges = new Gauges();
  readonly #nextId = idSource();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HealthOptions) {
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
    const { host, loop, requests, thresholds } = this.#options;
    const { cpuUsage: cpu, memoryUsage: memory, diskUsage: disk, load } = host.sample();
    const gauges = await this.#gauges.read();
    const answered = requests.peek();
    return {
      status: statusOf({ cpu, memory, disk, ...answered }, thresholds),
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
    const dbQueryTime = queries.peek().avgResponseTime;
    requests.reset();
    queries.reset();
    const { activeUsers, ongoingReservations } = metrics.gauges;
    const dbConnections = metrics.gauges.dbConnections ?? this.#options.connections();
    this.#options.add('system_health', [
      {
        ...this.#options.origin,
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
