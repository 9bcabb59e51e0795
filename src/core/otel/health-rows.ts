import { evaluateHealthStatus, type HealthThresholds } from '../health-status.ts';
import { createHash } from '../lazy-crypto.ts';
import { PerformanceMetricType } from '../schema/enums.ts';
import type { PerformanceMetricRow } from '../schema/tables/performance-metrics-table.ts';
import type { SystemHealthRow } from '../schema/tables/system-health-table.ts';
import { HostUsageAggregator } from './host-usage.ts';
import type { MappedSeries } from './map-series.ts';
import { addNumberRow, type MetricRowSink } from './point-rows.ts';
import type { MappedResource } from './resource-mapping.ts';

/** A process exports all its points at about the same time. Later points belong to another export. */
const MAX_EXPORT_DURATION_MS = 1000;

/** Sums of durations, in ms. */
interface DurationSums {
  count: number;
  errors: number;
  sum: number;
}

/** The points of one export of one resource. */
interface ExportSummary {
  readonly startMs: number;
  endMs: number;
  readonly usage: HostUsageAggregator;
  readonly requests: DurationSums;
  readonly queries: DurationSums;
  connections: number | undefined;
  eventLoopDelayP99: number | undefined;
  eventLoopUtilization: number | undefined;
  load: number | undefined;
  uptimeMs: number | undefined;
}

/** Collects what the points of one resource say about the health of its process and host. */
export class HealthCollector {
  readonly #resource: MappedResource;
  readonly #exports: ExportSummary[] = [];

  constructor(resource: MappedResource) {
    this.#resource = resource;
  }

  /** Adds the row of a gauge, or of the increase of a counter. */
  addNumber(series: MappedSeries, row: PerformanceMetricRow): void {
    const summary = this.#getExport(row.timestamp);
    const value = row.value ?? 0;
    summary.usage.add(series, row.unit === '%' ? value / 100 : value);
    if (row.metricType === PerformanceMetricType.DATABASE_CONNECTIONS) {
      summary.connections = (summary.connections ?? 0) + (row.value ?? 0);
    }
    switch (series.name) {
      case 'nodejs.eventloop.delay.p99':
        summary.eventLoopDelayP99 = row.value;
        return;
      case 'nodejs.eventloop.utilization':
        summary.eventLoopUtilization = row.value;
        return;
      case 'system.cpu.load_average.1m':
      case 'jvm.system.cpu.load_1m':
        summary.load = row.value;
        return;
      case 'process.uptime':
      case 'system.uptime':
        summary.uptimeMs = row.value;
        return;
    }
  }

  /** Adds the row of a histogram or a summary. */
  addDurations(row: PerformanceMetricRow): void {
    const summary = this.#getExport(row.timestamp);
    if (row.metricType === PerformanceMetricType.API_RESPONSE_TIME) addSums(summary.requests, row);
    else if (row.metricType === PerformanceMetricType.DATABASE_QUERY_TIME) {
      addSums(summary.queries, row);
    }
  }

  /** @param startMs start of a cumulative series, in ms since the epoch. It is the start of the process. */
  addProcessStart(startMs: number, timeMs: number): void {
    if (startMs <= 0) return;
    const summary = this.#getExport(timeMs);
    summary.uptimeMs = Math.max(summary.uptimeMs ?? 0, timeMs - startMs);
  }

  /** Adds rows with the usage of the host and of the heap that no point contains. */
  addUsageRows(sink: MetricRowSink): void {
    for (const { usage, endMs } of this.#exports) {
      const { cpu, memory, heap } = usage.getUsage();
      const add = (row: UsageRow) => this.#addUsageRow(sink, row, endMs);
      if (cpu !== undefined && usage.isCpuComputed) {
        add({ type: 'CPU_USAGE', name: 'system.cpu.utilization', unit: '%', value: 100 * cpu });
      }
      if (memory !== undefined && usage.isMemoryComputed) {
        const tags = JSON.stringify({ 'system.memory.state': 'used' });
        const name = 'system.memory.utilization';
        add({ type: 'MEMORY_USAGE', name, unit: '%', value: 100 * memory, tags });
      }
      for (const [mountPoint, share] of usage.getComputedDisks()) {
        const tags = JSON.stringify({ 'system.filesystem.mountpoint': mountPoint });
        const name = 'system.filesystem.utilization';
        add({ type: 'DISK_USAGE', name, unit: '%', value: 100 * share, tags });
      }
      if (heap !== undefined) {
        add({ type: 'HEAP_USAGE', name: usage.heapName, unit: 'By', value: heap });
      }
    }
  }

  /** Returns one row for each export. Resources that are neither a service nor a host, such as a table, have none. */
  toHealthRows(thresholds: HealthThresholds): SystemHealthRow[] {
    return this.#exports
      .filter((summary) => this.#resource.isService || isHost(summary))
      .map((summary) => toHealthRow(this.#resource, summary, thresholds));
  }

  #addUsageRow(
    sink: MetricRowSink,
    { type, name, unit, value, tags }: UsageRow,
    timeMs: number,
  ): void {
    const { service, host, organizationId, propertyId, key } = this.#resource;
    const series: MappedSeries = {
      hasSenderOrganization: false,
      metricFact: '',
      hash: hashText(`${key}\n${type}\n${name}\n${tags ?? ''}`),
      name,
      factor: 1,
      failed: false,
      statusColumn: undefined,
      attributes: new Map(),
      template: {
        ...service,
        host,
        organizationId,
        propertyId,
        metricType: type,
        name,
        unit,
        tags,
        test: false,
      },
    };
    addNumberRow(sink, series, { attributes: {}, startTimeMs: 0, timeMs, value });
  }

  #getExport(timeMs: number): ExportSummary {
    const known = this.#exports.findLast(
      ({ startMs, endMs }) =>
        timeMs >= endMs - MAX_EXPORT_DURATION_MS && timeMs <= startMs + MAX_EXPORT_DURATION_MS,
    );
    if (known) {
      known.endMs = Math.max(known.endMs, timeMs);
      return known;
    }
    const created: ExportSummary = {
      startMs: timeMs,
      endMs: timeMs,
      usage: new HostUsageAggregator(),
      requests: { count: 0, errors: 0, sum: 0 },
      queries: { count: 0, errors: 0, sum: 0 },
      connections: undefined,
      eventLoopDelayP99: undefined,
      eventLoopUtilization: undefined,
      load: undefined,
      uptimeMs: undefined,
    };
    this.#exports.push(created);
    return created;
  }
}

interface UsageRow {
  readonly type: 'CPU_USAGE' | 'MEMORY_USAGE' | 'DISK_USAGE' | 'HEAP_USAGE';
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly tags?: string | undefined;
}

function addSums(
  sums: DurationSums,
  { count = 0, errorCount = 0, sum = 0 }: PerformanceMetricRow,
): void {
  sums.count += count;
  sums.errors += errorCount;
  sums.sum += sum;
}

function isHost({ usage, load }: ExportSummary): boolean {
  const { cpu, memory, disk } = usage.getUsage();
  return [cpu, memory, disk, load].some((value) => value !== undefined);
}

function toHealthRow(
  { service, host }: MappedResource,
  summary: ExportSummary,
  thresholds: HealthThresholds,
): SystemHealthRow {
  const { requests, queries, usage, endMs } = summary;
  const { cpu, memory, disk, processCpu, processMemory } = usage.getUsage();
  const cpuUsage = toPercent(cpu);
  const memoryUsage = toPercent(memory);
  const diskUsage = toPercent(disk);
  const avgResponseTime = requests.count === 0 ? undefined : requests.sum / requests.count;
  const errorRate = requests.count === 0 ? undefined : (100 * requests.errors) / requests.count;
  const status = evaluateHealthStatus(
    { cpu: cpuUsage, memory: memoryUsage, disk: diskUsage, avgResponseTime, errorRate },
    thresholds,
  );
  return {
    ...service,
    host,
    id: hashText(`${service.service}\n${service.instance}\n${endMs}`),
    timestamp: endMs,
    createdAt: endMs,
    status,
    avgResponseTime,
    errorRate,
    uptime: summary.uptimeMs === undefined ? undefined : summary.uptimeMs / 1000,
    dbConnections: summary.connections === undefined ? undefined : Math.round(summary.connections),
    dbQueryTime: queries.count === 0 ? undefined : queries.sum / queries.count,
    memoryUsage,
    cpuUsage,
    hostMemoryUsage: memoryUsage,
    hostCpuUsage: cpuUsage,
    processMemory,
    processCpuUsage: toPercent(processCpu),
    eventLoopUtilization: summary.eventLoopUtilization,
    diskUsage,
    eventLoopDelayP99: summary.eventLoopDelayP99,
    load: summary.load,
  };
}

function toPercent(share: number | undefined): number | undefined {
  return share === undefined ? undefined : 100 * share;
}

function hashText(text: string): string {
  return createHash('sha1').update(text).digest('hex').slice(0, 16);
}

/** Number of processes whose last rows are kept. */
const MAX_PROCESSES = 10_000;
/** Rows of one export can arrive in several requests, because a Collector forms its own batches. */
const MAX_DISTANCE_MS = 5000;

/** Merges health rows of the same export that arrive in several requests. */
export class HealthRowMerger {
  readonly #last = new Map<string, SystemHealthRow>();

  /** Returns the row with the values of earlier rows of the same export, which it replaces in the database. */
  merge(row: SystemHealthRow): SystemHealthRow {
    const key = `${row.service}\n${row.instance}`;
    const last = this.#last.get(key);
    const isSameExport =
      last !== undefined && Math.abs(last.timestamp - row.timestamp) < MAX_DISTANCE_MS;
    const merged = isSameExport ? mergeRows(last, row) : row;
    if (last === undefined || merged.timestamp >= last.timestamp) {
      this.#last.delete(key);
      this.#last.set(key, merged);
      if (this.#last.size > MAX_PROCESSES) this.#removeOldest();
    }
    return merged;
  }

  #removeOldest(): void {
    for (const key of this.#last.keys()) {
      this.#last.delete(key);
      return;
    }
  }
}

const STATUS_ORDER = ['healthy', 'degraded', 'unhealthy'];

function mergeRows(last: SystemHealthRow, row: SystemHealthRow): SystemHealthRow {
  const known = Object.entries(row).filter(([, value]) => value !== undefined);
  const { id, timestamp, createdAt } = last;
  const statuses = [last.status ?? 'healthy', row.status ?? 'healthy'];
  const status = statuses.toSorted((a, b) => STATUS_ORDER.indexOf(b) - STATUS_ORDER.indexOf(a))[0];
  return { ...last, ...Object.fromEntries(known), id, timestamp, createdAt, status };
}
