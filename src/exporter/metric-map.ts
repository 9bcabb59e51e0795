import { PerformanceMetricType } from '../schema/metric-type.ts';

/** Which type of measurement each OpenTelemetry instrument is. What is not here is CUSTOM. */
const TYPES = new Map<string, PerformanceMetricType>([
  ['http.server.request.duration', PerformanceMetricType.API_RESPONSE_TIME],
  ['db.client.operation.duration', PerformanceMetricType.DATABASE_QUERY_TIME],
  ['db.client.connection.count', PerformanceMetricType.DATABASE_CONNECTIONS],
  ['messaging.process.duration', PerformanceMetricType.QUEUE_PROCESSING_TIME],
  ['perfscope.queue.wait.duration', PerformanceMetricType.QUEUE_WAIT_TIME],
  ['perfscope.queue.depth', PerformanceMetricType.QUEUE_DEPTH],
  ['perfscope.queue.oldest.age', PerformanceMetricType.QUEUE_OLDEST_AGE],
  ['system.cpu.utilization', PerformanceMetricType.CPU_USAGE],
  ['system.memory.utilization', PerformanceMetricType.MEMORY_USAGE],
  ['system.filesystem.utilization', PerformanceMetricType.DISK_USAGE],
  ['system.network.io', PerformanceMetricType.NETWORK_IO],
  ['nodejs.eventloop.delay.mean', PerformanceMetricType.EVENT_LOOP_DELAY],
  ['nodejs.eventloop.delay.p50', PerformanceMetricType.EVENT_LOOP_DELAY],
  ['nodejs.eventloop.delay.p99', PerformanceMetricType.EVENT_LOOP_DELAY],
  ['nodejs.eventloop.delay.max', PerformanceMetricType.EVENT_LOOP_DELAY],
  ['v8js.gc.duration', PerformanceMetricType.GC_DURATION],
  ['v8js.memory.heap.used', PerformanceMetricType.HEAP_USAGE],
  ['v8js.memory.heap.limit', PerformanceMetricType.HEAP_USAGE],
  ['perfscope.breaker.state', PerformanceMetricType.BREAKER_STATE],
]);

export function metricTypeOf(name: string): PerformanceMetricType {
  return TYPES.get(name) ?? PerformanceMetricType.CUSTOM;
}

/** How values of an instrument's unit are stored: times in ms, shares in percent. */
export interface StoredUnit {
  unit: string;
  factor: number;
}

export function storedUnit(unit: string): StoredUnit {
  if (unit === 's') return { unit: 'ms', factor: 1000 };
  if (unit === '1') return { unit: '%', factor: 100 };
  return { unit, factor: 1 };
}

/** Only these shares are percentages to people; a `1` elsewhere is just a number. */
export function isShare(name: string): boolean {
  return name.startsWith('system.') && name.endsWith('.utilization');
}
