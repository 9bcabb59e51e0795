import type { PerformanceMetricType } from '../../../core/schema/enums.ts';
import type { Dimension } from '../../../storage/queries/query-definition.ts';

/** A histogram or a counter of operations that Perfscope also measures. */
export interface OperationMetric {
  readonly kind: 'operation';
  readonly type: PerformanceMetricType;
  /** The series of a histogram. A counter is like the count of a histogram. */
  readonly part: 'bucket' | 'sum' | 'count';
  /** Whether the counter counts only failures. */
  readonly isErrors: boolean;
  /** Name without the part. Ratios need two metrics of the same family. */
  readonly family: string;
  /** Factor to convert a duration to ms. */
  readonly toMs: number;
}

/** A gauge that Perfscope also measures. */
interface GaugeMetric {
  readonly kind: 'gauge';
  readonly type: PerformanceMetricType;
  /** Names in Perfscope. Undefined if the type has one metric. */
  readonly names: readonly string[] | undefined;
  readonly scale: number;
  readonly unit: 'ms' | '%' | 'By' | '1';
  readonly groupBy: readonly Dimension[];
  /** Difference that users must know. */
  readonly note?: string;
}

export type KnownMetric = OperationMetric | GaugeMetric | { readonly kind: 'queue-depth' };

/** Families of durations, with their metric type. The unit can follow the name. */
const DURATION_FAMILIES: readonly (readonly [RegExp, PerformanceMetricType])[] = [
  [
    /^(?:http_server_request_duration|http_request_duration|http_server_duration|http_server_requests|http_request_duration_highr|http_response_time|express_http_request_duration|request_duration|api_request_duration|http_server_response_time)$/,
    'API_RESPONSE_TIME',
  ],
  [
    /^(?:http_client_request_duration|http_client_duration|http_client_requests|outgoing_request_duration|outbound_http_request_duration)$/,
    'OUTGOING_REQUEST_TIME',
  ],
  [
    /^(?:db_client_operation_duration|db_query_duration|database_query_duration|pg_query_duration|prisma_client_queries_duration_histogram)$/,
    'DATABASE_QUERY_TIME',
  ],
  [
    /^(?:messaging_process_duration|bullmq_job_duration|bull_queue_complete_duration|bull_job_duration|job_duration|queue_job_duration)$/,
    'QUEUE_PROCESSING_TIME',
  ],
  [
    /^(?:perfscope_queue_wait_duration|bullmq_job_wait_time|queue_wait_duration)$/,
    'QUEUE_WAIT_TIME',
  ],
];

const COUNTERS: readonly (readonly [RegExp, PerformanceMetricType, isErrors: boolean])[] = [
  [
    /^(?:http_requests|http_request|http_server_requests|http_requests_count|http_request_count|express_http_requests|http_requests_received|requests|api_requests)(?:_total)?$/,
    'API_RESPONSE_TIME',
    false,
  ],
  [
    /^(?:http_request_errors|http_requests_errors|http_errors|http_requests_failed|http_5xx|http_server_errors|request_errors)(?:_total)?$/,
    'API_RESPONSE_TIME',
    true,
  ],
];

const UNITS: Readonly<Record<string, number>> = { seconds: 1000, milliseconds: 1, ms: 1, s: 1000 };

const EVENT_LOOP_PARTS: Readonly<Record<string, string>> = {
  mean: 'mean',
  p50: 'p50',
  p99: 'p99',
  max: 'max',
};

const QUEUE_DEPTH =
  /^(?:perfscope_queue_depth|bull(?:mq)?_(?:queue_)?(?:jobs?_)?(?:count|waiting|wait|size|length|depth|queue_size)|bull(?:mq)?_queue_waiting_jobs|queue_depth|queue_size|queue_length|queue_waiting_jobs)(?:_total)?$/;

/** Returns what Perfscope measures for a metric of Prometheus, or undefined for other metrics. */
export function findKnownMetric(name: string): KnownMetric | undefined {
  return findOperationMetric(name) ?? findGauge(name);
}

function findOperationMetric(name: string): OperationMetric | undefined {
  for (const [pattern, type, isErrors] of COUNTERS) {
    if (pattern.test(name)) {
      return { kind: 'operation', type, part: 'count', isErrors, family: type, toMs: 1000 };
    }
  }
  const [, base = '', unit, part] =
    /^(.+?)(?:_(seconds|milliseconds|ms|s))?_(bucket|sum|count)$/.exec(name) ?? [];
  const found = DURATION_FAMILIES.find(([pattern]) => pattern.test(base));
  if (!found) return undefined;
  return {
    kind: 'operation',
    type: found[1],
    part: part as OperationMetric['part'],
    isErrors: false,
    // The requests of all families are the same requests.
    family: found[1],
    toMs: unit === undefined ? 1000 : UNITS[unit]!,
  };
}

function findGauge(name: string): GaugeMetric | { kind: 'queue-depth' } | undefined {
  const [, lagPart] = /^nodejs_eventloop_(?:lag|delay)(?:_(\w+?))??(?:_seconds)?$/.exec(name) ?? [];
  if (name.startsWith('nodejs_eventloop_lag') || name.startsWith('nodejs_eventloop_delay')) {
    const part = EVENT_LOOP_PARTS[lagPart ?? 'mean'];
    if (part === undefined && lagPart !== 'p90') return undefined;
    const note = `Perfscope has no \`${name}\`, so the rule uses the 99th percentile`;
    return {
      ...{ kind: 'gauge', type: 'EVENT_LOOP_DELAY', scale: 1000, unit: 'ms' },
      names: [`nodejs.eventloop.delay.${part ?? 'p99'}`],
      groupBy: ['service', 'instance'],
      ...(part === undefined && { note }),
    };
  }
  if (QUEUE_DEPTH.test(name)) return { kind: 'queue-depth' };
  const process = { kind: 'gauge', groupBy: ['service', 'instance'] } as const;
  switch (name) {
    case 'nodejs_heap_size_used_bytes':
    case 'v8js_memory_heap_used':
      return {
        ...process,
        type: 'HEAP_USAGE',
        names: ['v8js.memory.heap.used'],
        scale: 1,
        unit: 'By',
      };
    case 'process_resident_memory_bytes':
    case 'process_memory_usage':
      return { ...process, type: 'CUSTOM', names: ['process.memory.usage'], scale: 1, unit: 'By' };
    case 'nodejs_eventloop_utilization':
      return {
        ...process,
        type: 'CUSTOM',
        names: ['nodejs.eventloop.utilization'],
        scale: 100,
        unit: '%',
      };
    default:
      return undefined;
  }
}

/** The dimension of Perfscope for each common label of Prometheus. */
const LABEL_DIMENSIONS: Readonly<Record<string, Dimension>> = {
  job: 'service',
  service: 'service',
  service_name: 'service',
  app: 'service',
  application: 'service',
  route: 'endpoint',
  handler: 'endpoint',
  path: 'endpoint',
  uri: 'endpoint',
  url: 'endpoint',
  endpoint: 'endpoint',
  http_route: 'endpoint',
  method: 'operation',
  http_method: 'operation',
  http_request_method: 'operation',
  instance: 'instance',
  queue: 'queue',
  queue_name: 'queue',
  version: 'version',
  service_version: 'version',
  env: 'environment',
  environment: 'environment',
  organization: 'organization',
  organization_id: 'organization',
  tenant: 'organization',
  property: 'property',
  property_id: 'property',
  host: 'host',
  node: 'host',
  hostname: 'host',
};

/** Returns the dimension for a label, or undefined if Perfscope has no such dimension. */
export function findDimension(label: string, isHostMetric = false): Dimension | undefined {
  if (isHostMetric && label === 'instance') return 'host';
  return Object.hasOwn(LABEL_DIMENSIONS, label) ? LABEL_DIMENSIONS[label] : undefined;
}

/** Labels with the status of a response. */
export const STATUS_LABELS: ReadonlySet<string> = new Set([
  ...['status', 'code', 'status_code', 'statusCode', 'http_status', 'http_status_code'],
  ...['http_response_status_code', 'status_class', 'response_code'],
]);

export type StatusClass = '4xx' | '5xx' | '4xx and 5xx' | 'not 5xx';

/** Returns the responses that a matcher of a status label selects, or undefined for other responses. */
export function findStatusClass(op: string, value: string): StatusClass | undefined {
  const pattern = value.replace(/^\^|\$$/g, '').toLowerCase();
  const isClass = (digit: string) =>
    new RegExp(
      `^(?:${digit}(?:\\.\\.|\\.\\*|\\.\\+|xx|\\\\d\\\\d|\\\\d\\{2\\}|\\[0-9\\]\\{2\\}|\\[0-9\\]\\[0-9\\]))$`,
    ).test(pattern);
  const isPositive = op === '=' || op === '=~';
  if (isClass('5') || pattern === '5') return isPositive ? '5xx' : 'not 5xx';
  if (!isPositive) return undefined;
  if (isClass('4')) return '4xx';
  if (/^(?:\[45\]|\(4\|5\)|\(?:4\|5\))(?:\.\.|\.\*|xx|\\d\\d|\\d\{2\})$/.test(pattern))
    return '4xx and 5xx';
  return pattern.split('|').length === 2 &&
    /^[45]..\|[45]..$/.test(pattern) &&
    pattern.includes('.')
    ? '4xx and 5xx'
    : undefined;
}
