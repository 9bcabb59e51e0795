import { evaluateHealthStatus, type HealthThresholds } from '../../health-status.ts';
import { hashText } from '../../lazy-crypto.ts';
import type { SystemHealthRow } from '../../schema/tables/system-health-table.ts';
import type { MappedResource } from '../mapping/resource-mapping.ts';

/** Sums of durations, in ms. */
export interface DurationSums {
  readonly count: number;
  readonly errors: number;
  readonly sum: number;
}

/** The columns that have one value in each export. */
type HealthGauges = Pick<
  SystemHealthRow,
  | 'uptime'
  | 'memoryUsage'
  | 'cpuUsage'
  | 'processMemory'
  | 'processCpuUsage'
  | 'eventLoopUtilization'
  | 'diskUsage'
  | 'eventLoopDelayP99'
  | 'load'
>;

/** What the points of one export in one request say about the health of a process and its host. */
export interface HealthPart {
  readonly resource: MappedResource;
  /** Time of the last point, in ms since the epoch. */
  readonly timeMs: number;
  /** By the ID of the row with the durations. */
  readonly requests: ReadonlyMap<string, DurationSums>;
  readonly queries: ReadonlyMap<string, DurationSums>;
  /** Number of connections by series. */
  readonly connections: ReadonlyMap<string, number>;
  readonly gauges: HealthGauges;
}

/** Exports of one process that are nearer have one row. Their parts can have slightly different times. */
const MAX_DISTANCE_MS = 5000;
/** Maximum number of exports that are kept for each process, for parts that arrive late or again. */
const MAX_EXPORTS = 50;
const MAX_PROCESSES = 10_000;
/** Maximum number of values of all exports. A value takes about 150 bytes. */
const MAX_VALUES = 100_000;

/** The merged parts of one export. */
interface Export {
  readonly timestamp: number;
  readonly requests: Map<string, DurationSums>;
  readonly queries: Map<string, DurationSums>;
  readonly connections: Map<string, LastValue>;
  readonly gauges: Map<string, LastValue>;
}

interface LastValue {
  readonly timeMs: number;
  readonly value: number;
}

interface Process {
  readonly exports: Export[];
  /** Time of the newest export that was forgotten. */
  forgottenMs: number;
}

/**
 * Merges the parts of an export that arrive in several requests. The result doesn't depend on the order of the parts,
 * and parts can be repeated.
 */
export class HealthRowMerger {
  readonly #processes = new Map<string, Process>();
  readonly #maxValues: number;
  #values = 0;

  /** @param maxValues maximum number of values that are kept. Default: 100,000 */
  constructor(maxValues: number = MAX_VALUES) {
    this.#maxValues = maxValues;
  }

  /**
   * Returns the row with all parts of the export so far, which replaces earlier rows in the database. Returns undefined if
   * the export is so old that its parts were forgotten, so that a part doesn't replace the whole.
   */
  merge(part: HealthPart, thresholds: HealthThresholds): SystemHealthRow | undefined {
    const { service, instance } = part.resource.service;
    const key = `${service}\n${instance}`;
    const process = this.#processes.get(key) ?? { exports: [], forgottenMs: 0 };
    this.#processes.delete(key);
    this.#processes.set(key, process);
    if (part.timeMs < process.forgottenMs + MAX_DISTANCE_MS) return undefined;
    const merged = findExport(process, part.timeMs);
    this.#values -= countValues(merged);
    mergePart(merged, part);
    this.#values += countValues(merged);
    if (process.exports.length > MAX_EXPORTS) this.#forgetOldest(process);
    while (this.#values > this.#maxValues || this.#processes.size > MAX_PROCESSES) {
      if (!this.#forgetLeastRecent(merged)) break;
    }
    return toRow(part.resource, merged, thresholds);
  }

  /** @param kept the export that is being merged */
  #forgetLeastRecent(kept: Export): boolean {
    for (const [key, process] of this.#processes) {
      if (process.exports[0] === kept) return false;
      if (process.exports.length > 0 && this.#processes.size <= MAX_PROCESSES) {
        this.#forgetOldest(process);
        return true;
      }
      for (const each of process.exports) this.#values -= countValues(each);
      this.#processes.delete(key);
      return true;
    }
    return false;
  }

  #forgetOldest(process: Process): void {
    const oldest = process.exports.shift();
    if (!oldest) return;
    process.forgottenMs = oldest.timestamp;
    this.#values -= countValues(oldest);
  }
}

/** Returns the nearest export of a process, or adds one. */
function findExport({ exports }: Process, timeMs: number): Export {
  const distance = (each: Export) => Math.abs(each.timestamp - timeMs);
  let nearest: Export | undefined;
  for (const each of exports) {
    if (!nearest || distance(each) < distance(nearest)) nearest = each;
  }
  if (nearest && distance(nearest) < MAX_DISTANCE_MS) return nearest;
  const created: Export = {
    timestamp: timeMs,
    requests: new Map(),
    queries: new Map(),
    connections: new Map(),
    gauges: new Map(),
  };
  const index = exports.findIndex(({ timestamp }) => timestamp > timeMs);
  exports.splice(index === -1 ? exports.length : index, 0, created);
  return created;
}

function mergePart(merged: Export, { timeMs, ...part }: HealthPart): void {
  for (const [id, sums] of part.requests) merged.requests.set(id, sums);
  for (const [id, sums] of part.queries) merged.queries.set(id, sums);
  for (const [key, value] of part.connections) setLast(merged.connections, key, { timeMs, value });
  for (const [key, value] of Object.entries(part.gauges)) {
    if (value !== undefined) setLast(merged.gauges, key, { timeMs, value });
  }
}

/** Of two values with the same time, the larger one is kept, so that the order doesn't matter. */
function setLast(values: Map<string, LastValue>, key: string, next: LastValue): void {
  const last = values.get(key);
  const order = last ? next.timeMs - last.timeMs || next.value - last.value : 1;
  if (order > 0) values.set(key, next);
}

function countValues({ requests, queries, connections, gauges }: Export): number {
  return requests.size + queries.size + connections.size + gauges.size;
}

function toRow(
  { service, host }: MappedResource,
  { timestamp, requests, queries, connections, gauges }: Export,
  thresholds: HealthThresholds,
): SystemHealthRow {
  const values: HealthGauges = Object.fromEntries(
    [...gauges].map(([key, { value }]) => [key, value]),
  );
  const { cpuUsage: cpu, memoryUsage: memory, diskUsage: disk } = values;
  const { count, errors, sum } = addUp(requests);
  const avgResponseTime = count === 0 ? undefined : sum / count;
  const errorRate = count === 0 ? undefined : (100 * errors) / count;
  const queryTotals = addUp(queries);
  return {
    ...service,
    ...values,
    host,
    id: hashText(`${service.service}\n${service.instance}\n${timestamp}`, 16),
    timestamp,
    createdAt: timestamp,
    status: evaluateHealthStatus({ cpu, memory, disk, avgResponseTime, errorRate }, thresholds),
    avgResponseTime,
    errorRate,
    dbConnections: connections.size === 0 ? undefined : Math.round(sumValues(connections)),
    dbQueryTime: queryTotals.count === 0 ? undefined : queryTotals.sum / queryTotals.count,
    hostMemoryUsage: memory,
    hostCpuUsage: cpu,
  };
}

function addUp(parts: ReadonlyMap<string, DurationSums>): DurationSums {
  const total = { count: 0, errors: 0, sum: 0 };
  for (const { count, errors, sum } of parts.values()) {
    total.count += count;
    total.errors += errors;
    total.sum += sum;
  }
  return total;
}

function sumValues(values: ReadonlyMap<string, LastValue>): number {
  return [...values.values()].reduce((sum, { value }) => sum + value, 0);
}
