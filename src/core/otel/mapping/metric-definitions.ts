import { PerformanceMetricType } from '../../schema/enums.ts';
import { CALL_METRICS } from './call-definitions.ts';
import { FUNCTION_METRICS } from './function-definitions.ts';
import { SUGGESTION_METRICS } from './suggestion-definitions.ts';

/**
 * Columns that are filled from attributes. The first attribute in a list that a point has fills the column. The
 * attributes have their current names. All other attributes are stored as tags.
 */
export interface MetricDimensions {
  readonly endpoint?: readonly string[];
  readonly operation?: readonly string[];
}

/** How the metrics of one name are stored. */
export interface MetricDefinition {
  readonly type: PerformanceMetricType;
  /** Current name, for a metric that older semantic conventions named differently. Default: the same name. */
  readonly storedName?: string;
  /** Unit of a sender that sets none. Default: no unit. */
  readonly defaultUnit?: string;
  readonly dimensions?: MetricDimensions;
  /** Attribute with the system, if each system has its own metric. Used to find spans with the same information. */
  readonly systemAttribute?: string;
  /** Whether responses with a status of 500 or more have failed, also without `error.type`. */
  readonly isServer?: boolean;
  /**
   * Whether the metric is about calls to other hosts. The endpoint is then the host with its port, and the operation the
   * method with the URL template, or `grpc` with the method of gRPC. A status of 500 or more is a failure, and a 4xx status isn't, because the host works.
   */
  readonly isOutgoing?: boolean;
  /** Only points with this value of an attribute have `type`. Others are `CUSTOM`. */
  readonly only?: { readonly attribute: string; readonly values: readonly (string | undefined)[] };
  /** Attributes of this metric with other names in older conventions, by their old name. */
  readonly attributeNames?: Readonly<Record<string, string>>;
}

const T = PerformanceMetricType;

const HTTP_SERVER = {
  type: T.API_RESPONSE_TIME,
  storedName: 'http.server.request.duration',
  isServer: true,
} as const;
const HTTP_CLIENT = {
  type: T.OUTGOING_REQUEST_TIME,
  storedName: 'http.client.request.duration',
  isOutgoing: true,
} as const;
const TRPC_DIMENSIONS = {
  endpoint: ['rpc.method'],
  operation: ['perfscope.trpc.procedure.type'],
};
const DATABASE = {
  type: T.DATABASE_QUERY_TIME,
  systemAttribute: 'db.system.name',
  dimensions: {
    endpoint: [
      'db.query.text',
      'db.query.summary',
      'db.stored_procedure.name',
      'db.collection.name',
    ],
  },
} as const;
const POOL_NAMES = { state: 'db.client.connection.state' };
const POOL_COUNT = {
  type: T.DATABASE_CONNECTIONS,
  storedName: 'db.client.connection.count',
} as const;
const QUEUE_DIMENSIONS = {
  operation: ['perfscope.job.name', 'perfscope.job.state', 'messaging.operation.name'],
};
const QUEUE_PROCESSING = {
  type: T.QUEUE_PROCESSING_TIME,
  storedName: 'messaging.process.duration',
  systemAttribute: 'messaging.system',
  dimensions: QUEUE_DIMENSIONS,
} as const;
const MESSAGING_CLIENT = {
  type: T.CUSTOM,
  systemAttribute: 'messaging.system',
  dimensions: QUEUE_DIMENSIONS,
} as const;
/** The Collector, `@opentelemetry/host-metrics`, and the current conventions have different names. */
const CPU_STATE = {
  state: 'cpu.mode',
  'system.cpu.state': 'cpu.mode',
  'process.cpu.state': 'cpu.mode',
  'container.cpu.state': 'cpu.mode',
  cpu: 'cpu.logical_number',
  'system.cpu.logical_number': 'cpu.logical_number',
};
const MEMORY_OF_CPYTHON = { type: 'process.memory.type' };
const MEMORY_STATE = { state: 'system.memory.state' };
const FILE_SYSTEM = {
  state: 'system.filesystem.state',
  mode: 'system.filesystem.mode',
  mountpoint: 'system.filesystem.mountpoint',
  type: 'system.filesystem.type',
  device: 'system.device',
};
const NETWORK = { direction: 'network.io.direction', device: 'system.device' };

/**
 * All metrics with a meaning for Perfscope, by name, in the current and in older semantic conventions. Other metrics are
 * stored as `CUSTOM` under their own name.
 */
const DEFINITIONS: Readonly<Record<string, MetricDefinition>> = {
  'http.server.request.duration': { ...HTTP_SERVER, defaultUnit: 's' },
  'http.server.duration': { ...HTTP_SERVER, defaultUnit: 'ms' },
  'http.server.stream.duration': { type: T.API_STREAM_DURATION },
  'perfscope.trpc.procedure.duration': { type: T.CUSTOM, dimensions: TRPC_DIMENSIONS },
  // Spans of other protocols that a process has received.
  'perfscope.span.server.duration': { type: T.API_RESPONSE_TIME, isServer: true },
  ...CALL_METRICS,
  ...SUGGESTION_METRICS,
  'http.client.request.duration': { ...HTTP_CLIENT, defaultUnit: 's' },
  'http.client.duration': { ...HTTP_CLIENT, defaultUnit: 'ms' },

  'db.client.operation.duration': { ...DATABASE, defaultUnit: 's' },
  'db.client.connection.count': { ...POOL_COUNT, attributeNames: POOL_NAMES },
  'db.client.connections.usage': { ...POOL_COUNT, attributeNames: POOL_NAMES },
  'db.client.connections.pending_requests': {
    type: T.CUSTOM,
    storedName: 'db.client.connection.pending_requests',
  },
  'db.client.connections.idle.max': {
    type: T.CUSTOM,
    storedName: 'db.client.connection.idle.max',
  },
  'db.client.connections.idle.min': {
    type: T.CUSTOM,
    storedName: 'db.client.connection.idle.min',
  },
  'db.client.connections.create_time': {
    type: T.CUSTOM,
    storedName: 'db.client.connection.create_time',
    defaultUnit: 'ms',
  },
  'db.client.connections.use_time': {
    type: T.CUSTOM,
    storedName: 'db.client.connection.use_time',
    defaultUnit: 'ms',
  },
  'db.client.connections.max': { type: T.CUSTOM, storedName: 'db.client.connection.max' },
  'db.client.connections.timeouts': { type: T.CUSTOM, storedName: 'db.client.connection.timeouts' },
  'db.client.connections.wait_time': {
    type: T.CUSTOM,
    storedName: 'db.client.connection.wait_time',
    defaultUnit: 'ms',
  },

  'messaging.process.duration': { ...QUEUE_PROCESSING, defaultUnit: 's' },
  'messaging.deliver.duration': { ...QUEUE_PROCESSING, defaultUnit: 's' },
  'messaging.client.operation.duration': MESSAGING_CLIENT,
  'messaging.publish.duration': MESSAGING_CLIENT,
  'messaging.receive.duration': MESSAGING_CLIENT,
  'perfscope.queue.wait.duration': { type: T.QUEUE_WAIT_TIME, dimensions: QUEUE_DIMENSIONS },
  'perfscope.queue.unlisted.duration': { type: T.CUSTOM, dimensions: QUEUE_DIMENSIONS },
  'perfscope.queue.depth': { type: T.QUEUE_DEPTH, dimensions: QUEUE_DIMENSIONS },
  'perfscope.queue.oldest.age': { type: T.QUEUE_OLDEST_AGE, dimensions: QUEUE_DIMENSIONS },
  'kafka.consumer_group.lag': { type: T.QUEUE_DEPTH, dimensions: { endpoint: ['topic'] } },

  'container.cpu.utilization': { type: T.CPU_USAGE },
  'container.memory.utilization': { type: T.MEMORY_USAGE },
  'k8s.pod.cpu_limit_utilization': { type: T.CPU_USAGE, storedName: 'container.cpu.utilization' },
  'k8s.pod.memory_limit_utilization': {
    type: T.MEMORY_USAGE,
    storedName: 'container.memory.utilization',
  },
  // One value for each state and CPU is not the usage of the host, which is computed from all of them.
  'system.cpu.utilization': {
    type: T.CPU_USAGE,
    attributeNames: CPU_STATE,
    only: { attribute: 'cpu.mode', values: [undefined] },
  },
  'system.cpu.time': { type: T.CUSTOM, attributeNames: CPU_STATE },
  'system.memory.utilization': {
    type: T.MEMORY_USAGE,
    attributeNames: MEMORY_STATE,
    only: { attribute: 'system.memory.state', values: [undefined, 'used'] },
  },
  'system.memory.usage': { type: T.CUSTOM, attributeNames: MEMORY_STATE },
  'system.filesystem.utilization': {
    type: T.DISK_USAGE,
    attributeNames: FILE_SYSTEM,
    only: { attribute: 'system.filesystem.state', values: [undefined, 'used'] },
  },
  'system.filesystem.usage': { type: T.CUSTOM, attributeNames: FILE_SYSTEM },
  'system.network.io': { type: T.NETWORK_IO, attributeNames: NETWORK },
  'system.network.errors': { type: T.CUSTOM, attributeNames: NETWORK },
  'system.network.dropped': { type: T.CUSTOM, attributeNames: NETWORK },
  'system.network.packets': { type: T.CUSTOM, attributeNames: NETWORK },
  'system.disk.io': {
    type: T.CUSTOM,
    attributeNames: { ...NETWORK, direction: 'disk.io.direction' },
  },
  'process.cpu.utilization': { type: T.CUSTOM, attributeNames: CPU_STATE },
  'process.cpu.time': { type: T.CUSTOM, attributeNames: CPU_STATE },
  'container.cpu.time': { type: T.CUSTOM, attributeNames: CPU_STATE },
  'process.cpu.usage': { type: T.CUSTOM, storedName: 'process.cpu.utilization' },

  'nodejs.eventloop.delay.mean': { type: T.EVENT_LOOP_DELAY },
  'nodejs.eventloop.delay.p50': { type: T.EVENT_LOOP_DELAY },
  'nodejs.eventloop.delay.p99': { type: T.EVENT_LOOP_DELAY },
  'nodejs.eventloop.delay.max': { type: T.EVENT_LOOP_DELAY },
  'v8js.gc.duration': { type: T.GC_DURATION },
  // A heap consists of spaces or pools. Their sum is the usage of the heap.
  'v8js.memory.heap.used': {
    type: T.HEAP_USAGE,
    only: { attribute: 'v8js.heap.space.name', values: [undefined] },
  },
  'v8js.memory.heap.limit': {
    type: T.HEAP_USAGE,
    only: { attribute: 'v8js.heap.space.name', values: [undefined] },
  },
  'jvm.gc.duration': { type: T.GC_DURATION, defaultUnit: 's' },
  'process.runtime.jvm.gc.duration': {
    type: T.GC_DURATION,
    storedName: 'jvm.gc.duration',
    defaultUnit: 'ms',
    attributeNames: { gc: 'jvm.gc.name', action: 'jvm.gc.action' },
  },
  'jvm.memory.used': { type: T.CUSTOM },
  'process.runtime.jvm.memory.usage': {
    type: T.CUSTOM,
    storedName: 'jvm.memory.used',
    attributeNames: { pool: 'jvm.memory.pool.name', type: 'jvm.memory.type' },
  },
  'process.runtime.jvm.cpu.utilization': {
    type: T.CUSTOM,
    storedName: 'jvm.cpu.recent_utilization',
  },
  'process.runtime.jvm.system.cpu.utilization': {
    type: T.CPU_USAGE,
    storedName: 'jvm.system.cpu.utilization',
  },
  'jvm.system.cpu.utilization': { type: T.CPU_USAGE },
  'process.runtime.jvm.system.cpu.load_1m': {
    type: T.CUSTOM,
    storedName: 'jvm.system.cpu.load_1m',
  },
  'process.runtime.cpython.memory': { type: T.CUSTOM, attributeNames: MEMORY_OF_CPYTHON },
  'process.runtime.pypy.memory': { type: T.CUSTOM, attributeNames: MEMORY_OF_CPYTHON },
  'go.memory.used': { type: T.CUSTOM },
  'process.runtime.go.mem.heap_alloc': { type: T.HEAP_USAGE },
  'process.runtime.go.gc.pause_ns': { type: T.GC_DURATION, defaultUnit: 'ns' },
  'dotnet.gc.last_collection.heap.size': { type: T.CUSTOM },
  'process.runtime.dotnet.gc.heap.size': {
    type: T.CUSTOM,
    storedName: 'dotnet.gc.last_collection.heap.size',
    attributeNames: { generation: 'dotnet.gc.heap.generation' },
  },

  'perfscope.breaker.state': { type: T.BREAKER_STATE },
  ...FUNCTION_METRICS,
};

const OTHER_METRIC: MetricDefinition = { type: T.CUSTOM };

/** Returns how the metrics with a name are stored. */
export function getMetricDefinition(name: string): MetricDefinition {
  return Object.hasOwn(DEFINITIONS, name) ? DEFINITIONS[name]! : OTHER_METRIC;
}

/** Columns of all metrics that don't define others. */
export const DEFAULT_DIMENSIONS: Required<MetricDimensions> = {
  endpoint: [
    'http.route',
    'db.query.text',
    'db.query.summary',
    'db.client.connection.pool.name',
    'messaging.destination.name',
    'perfscope.breaker.name',
    'graphql.operation.name',
    'perfscope.endpoint',
    'perfscope.otlp.signal',
    'perfscope.otlp.outcome',
  ],
  operation: [
    'http.request.method',
    'db.operation.name',
    'db.client.connection.state',
    'perfscope.job.name',
    'perfscope.job.state',
    'perfscope.breaker.outcome',
    'graphql.operation.type',
    'perfscope.breaker.state',
    'perfscope.drop.reason',
    'perfscope.agent.part',
    'perfscope.operation',
    'perfscope.otlp.status',
    'perfscope.otlp.reason',
  ],
};

/** How values of one metric are stored. */
export interface StoredUnit {
  readonly unit: string;
  /** Values are multiplied by this factor before they are stored. */
  readonly factor: number;
}

/**
 * Converts times to ms, and utilization ratios to percent. Other units stay the same.
 *
 * @param name the stored name of the metric
 */
export function toStoredUnit(name: string, unit: string): StoredUnit {
  if (unit === 's') return { unit: 'ms', factor: 1000 };
  // Other libraries than the agent omit the unit.
  if ((unit === '1' || unit === '') && isUtilization(name)) return { unit: '%', factor: 100 };
  return { unit, factor: 1 };
}

const TIME_FACTORS: Readonly<Record<string, number>> = { us: 1e-3, ns: 1e-6 };

/** Same as {@link toStoredUnit}. Known metrics can have other units of time, or no unit. */
export function toDefinedUnit(
  { type, defaultUnit = '' }: MetricDefinition,
  name: string,
  unit: string,
): StoredUnit {
  const known = unit || defaultUnit;
  const factor = Object.hasOwn(TIME_FACTORS, known) ? TIME_FACTORS[known] : undefined;
  return factor === undefined || type === T.CUSTOM
    ? toStoredUnit(name, known)
    : { unit: 'ms', factor };
}

/**
 * The unit `1` is a ratio only for these metrics. For other metrics, the value can be any number.
 */
function isUtilization(name: string): boolean {
  return /^(?:system|container|process|nodejs|jvm)\..*[._]utilization$/.test(name);
}
