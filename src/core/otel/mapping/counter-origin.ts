import type { OtelMetric, OtelNumberPoint, OtelScope } from '../metric-data.ts';
import { toShortKey } from './short-key.ts';

/**
 * Describes a counter that the sender reads from another system, such as the operating system. The counter can contain
 * an increase from before the sender started.
 */
export interface CounterOrigin {
  /** Identifies the metric of the measured system. */
  readonly object: string;
  /** Whether the start time of a series is the time when the counter was 0. Otherwise, it is the start of the sender. */
  readonly hasStart: boolean;
  /**
   * Whether a lower value was counted since the last point. An SDK on the same host reads a lower value only after a
   * restart, and it can then run on another host.
   */
  readonly hasResets: boolean;
}

/** Metrics of the operating system and of containers. The counters of `process` are 0 when a process starts. */
const HOST_NAME = /^(?:system|container|k8s|hw)\./;
/** The agent's counters are 0 when its process starts. */
const AGENT_SCOPE = /^perfscope\./;
/** Receivers of the Collector, in all versions. */
const RECEIVER_SCOPE = /^(?:otelcol|github\.com\/open-telemetry\/.*receiver)\/\w+receiver(?:\/|$)/;
/** They set the start of the host, the container, or the process. Other receivers set their own start. */
const RECEIVER_WITH_START = /\/(?:hostmetrics|kubeletstats)receiver(?:\/|$)/;

/** Whether a metric is about a host or a container, so its counters started before the process that reports them. */
export function isHostMetric({ name: scopeName }: Pick<OtelScope, 'name'>, name: string): boolean {
  return HOST_NAME.test(name) && !AGENT_SCOPE.test(scopeName);
}

/** Returns the origin of the counters of a metric. Undefined if the sender counts from 0 itself. */
export function getCounterOrigin(
  resource: { readonly key: string },
  scope: OtelScope,
  metric: OtelMetric,
): CounterOrigin | undefined {
  if (!('temporality' in metric) && metric.kind !== 'summary') return undefined;
  const { name } = metric;
  // A receiver's deltas were computed from earlier values, or counted by the receiver itself.
  const isDelta = 'temporality' in metric && metric.temporality === 'delta';
  const isReceiver = RECEIVER_SCOPE.test(scope.name);
  if (!isHostMetric(scope, name) && (isDelta || !isReceiver)) return undefined;
  const hasStart = isReceiver && RECEIVER_WITH_START.test(scope.name);
  if (hasStart && isDelta) return undefined;
  const object = toShortKey(JSON.stringify(['counter', resource.key, scope.name, name]));
  return { object, hasStart, hasResets: isReceiver };
}

/** Whether the points of a sum are absolute values, such as the number of open connections. */
export function isGauge({
  isMonotonic,
  temporality,
}: {
  readonly isMonotonic: boolean;
  readonly temporality: string;
}): boolean {
  return !isMonotonic && temporality === 'cumulative';
}

/** Returns the start of a cumulative series. 0 for other series. */
export function getSeriesStart(
  metric: OtelMetric,
  { startTimeMs }: Pick<OtelNumberPoint, 'startTimeMs'>,
): number {
  return 'temporality' in metric && metric.temporality === 'cumulative' ? startTimeMs : 0;
}
