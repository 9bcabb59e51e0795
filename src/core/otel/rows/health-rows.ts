import { hashText } from '../../lazy-crypto.ts';
import { PerformanceMetricType } from '../../schema/enums.ts';
import type { PerformanceMetricRow } from '../../schema/tables/performance-metrics-table.ts';
import { HostUsageAggregator } from '../mapping/host-usage.ts';
import type { MappedSeries } from '../mapping/map-series.ts';
import type { MappedResource } from '../mapping/resource-mapping.ts';
import type { DurationSums, HealthPart } from './health-row-merger.ts';
import { addNumberRow, type MetricRowSink } from './point-rows.ts';

/** A process exports all its points at about the same time. Later points belong to another export. */
const MAX_EXPORT_DURATION_MS = 1000;

/** The points of one export of one resource. */
interface ExportSummary {
  readonly startMs: number;
  endMs: number;
  readonly usage: HostUsageAggregator;
  readonly requests: Map<string, DurationSums>;
  readonly queries: Map<string, DurationSums>;
  readonly connections: Map<string, number>;
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
      summary.connections.set(series.hash, value);
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
    const { id = '', count = 0, errorCount: errors = 0, sum = 0 } = row;
    if (row.metricType === PerformanceMetricType.API_RESPONSE_TIME) {
      summary.requests.set(id, { count, errors, sum });
    } else if (row.metricType === PerformanceMetricType.DATABASE_QUERY_TIME) {
      summary.queries.set(id, { count, errors, sum });
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

  /** Returns one part for each export. Resources that are neither a service nor a host, such as a table, have none. */
  toParts(): HealthPart[] {
    return this.#exports
      .filter((summary) => this.#resource.isService || isHost(summary))
      .map((summary) => toHealthPart(this.#resource, summary));
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
      hash: hashText(`${key}\n${type}\n${name}\n${tags ?? ''}`, 16),
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
      requests: new Map(),
      queries: new Map(),
      connections: new Map(),
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

function isHost({ usage, load }: ExportSummary): boolean {
  const { cpu, memory, disk } = usage.getUsage();
  return [cpu, memory, disk, load].some((value) => value !== undefined);
}

function toHealthPart(resource: MappedResource, summary: ExportSummary): HealthPart {
  const { requests, queries, connections, usage, endMs } = summary;
  const { cpu, memory, disk, processCpu, processMemory } = usage.getUsage();
  return {
    ...{ resource, requests, queries, connections },
    timeMs: endMs,
    gauges: {
      uptime: summary.uptimeMs === undefined ? undefined : summary.uptimeMs / 1000,
      memoryUsage: toPercent(memory),
      cpuUsage: toPercent(cpu),
      processMemory,
      processCpuUsage: toPercent(processCpu),
      eventLoopUtilization: summary.eventLoopUtilization,
      diskUsage: toPercent(disk),
      eventLoopDelayP99: summary.eventLoopDelayP99,
      load: summary.load,
    },
  };
}

function toPercent(share: number | undefined): number | undefined {
  return share === undefined ? undefined : 100 * share;
}
