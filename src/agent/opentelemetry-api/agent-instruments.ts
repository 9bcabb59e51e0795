import type { Attributes } from '@opentelemetry/api';

/** Instruments that the agent records for every application. */
const AGENT_INSTRUMENTS = new Set([
  'container.cpu.utilization',
  'container.memory.utilization',
  'http.client.request.duration',
  'http.server.request.duration',
  'http.server.request.sample',
  'http.server.stream.duration',
  'nodejs.eventloop.delay.max',
  'nodejs.eventloop.delay.mean',
  'nodejs.eventloop.delay.p50',
  'nodejs.eventloop.delay.p99',
  'nodejs.eventloop.utilization',
  'process.cpu.utilization',
  'process.memory.usage',
  'system.cpu.utilization',
  'system.filesystem.utilization',
  'system.memory.utilization',
  'system.network.io',
  'v8js.gc.duration',
  'v8js.memory.heap.limit',
  'v8js.memory.heap.used',
]);
/** Prefixes of the agent's own instruments, and of an OpenTelemetry SDK's instruments about itself. */
const INTERNAL_PREFIXES = ['perfscope.', 'otel.sdk.'];

const isPostgres = ({ 'db.system.name': name, 'db.system': oldName }: Attributes) =>
  (name ?? oldName ?? 'postgresql') === 'postgresql';

/** Values of `messaging.system` whose jobs the agent measures. */
const MEASURED_QUEUES = new Set([
  'bullmq',
  'bull',
  'bee-queue',
  'pg-boss',
  'agenda',
  'rabbitmq',
  'kafka',
  'aws_sqs',
]);
const isGrpc = ({ 'rpc.system.name': name, 'rpc.system': oldName }: Attributes) =>
  (name ?? oldName) === 'grpc';

/** Instruments that the agent records only for the libraries that it supports. */
const LIBRARY_INSTRUMENTS = new Map<string, (attributes: Attributes) => boolean>([
  ['db.client.operation.duration', isPostgres],
  ['db.client.connection.count', isPostgres],
  ['db.client.connection.max', isPostgres],
  ['db.client.connection.pending_requests', isPostgres],
  ['db.client.connection.wait_time', isPostgres],
  [
    'messaging.process.duration',
    (attributes) => MEASURED_QUEUES.has(String(attributes['messaging.system'])),
  ],
  ['rpc.server.call.duration', isGrpc],
  ['rpc.client.call.duration', isGrpc],
]);

/**
 * Returns whether the agent already measures the operations that an instrument of the application
 * measures. Instrumentation libraries of OpenTelemetry have such instruments. Perfscope would count
 * their requests and queries twice.
 *
 * @returns a function of a value's attributes, or undefined if the agent doesn't know the instrument
 */
export function findAgentInstrument(
  name: string,
): ((attributes: Attributes) => boolean) | undefined {
  const lowerCaseName = name.toLowerCase();
  if (
    AGENT_INSTRUMENTS.has(lowerCaseName) ||
    INTERNAL_PREFIXES.some((prefix) => lowerCaseName.startsWith(prefix))
  ) {
    return () => true;
  }
  return LIBRARY_INSTRUMENTS.get(lowerCaseName);
}
