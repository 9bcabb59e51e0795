import type { Agent } from '../agent.ts';
import type { OtelMetrics } from '../otel-metrics.ts';
import { LambdaMonitor } from './lambda-monitor.ts';

/** Creates the monitor if this process runs an AWS Lambda function. */
export function createLambdaMonitor(
  agent: Pick<
    Agent,
    'config' | 'histograms' | 'tenantReader' | 'flushSync' | 'sendSpooled' | 'deferredWriter'
  >,
  otelMetrics: OtelMetrics,
): LambdaMonitor | undefined {
  const { config, histograms, tenantReader } = agent;
  const { lambda: environment, settings } = config;
  if (environment === undefined) return undefined;
  const flushTimeoutMs = settings.PERFORMANCE_LAMBDA_FLUSH_TIMEOUT;
  const monitor = new LambdaMonitor({
    ...{ environment, histograms, tenantReader, flushTimeoutMs },
    requests: otelMetrics.requests,
    agent: {
      flushSync: () => agent.flushSync(),
      sendSpooled: (timeoutMs) => agent.sendSpooled(timeoutMs),
      hasUnsent: () => agent.deferredWriter.writer?.hasSpooledRows === true,
    },
  });
  otelMetrics.onEndOpenRequests = () => monitor.endOpenInvocation('failed');
  return monitor;
}
