import type { StartupConfig } from '../../core/config/startup-config.ts';
import type { DeferredWriter } from '../../storage/write/deferred-writer.ts';
import type { TenantReader } from '../instrumentation/context/tenant-reader.ts';
import type { HistogramRegistry } from '../instrumentation/histograms/histogram-registry.ts';
import type { OtelMetrics } from '../otel-metrics.ts';
import { LambdaMonitor } from './lambda-monitor.ts';

/** The parts of the agent that record and send invocations. */
interface MonitoredAgent {
  readonly config: StartupConfig;
  readonly histograms: HistogramRegistry;
  readonly tenantReader: TenantReader;
  readonly deferredWriter: DeferredWriter;
  flushSync(): boolean;
  sendSpooled(timeoutMs: number): Promise<void>;
}

/** Creates the monitor if this process runs an AWS Lambda function. */
export function createLambdaMonitor(
  agent: MonitoredAgent,
  otelMetrics: OtelMetrics,
): LambdaMonitor | undefined {
  const { config, histograms, tenantReader } = agent;
  const { lambda: environment, settings } = config;
  if (environment === undefined) return undefined;
  const flushTimeoutMs = settings.PERFORMANCE_LAMBDA_FLUSH_TIMEOUT;
  const monitor = new LambdaMonitor({
    ...{ environment, histograms, tenantReader, flushTimeoutMs },
    requests: otelMetrics.requests.recorder,
    agent: {
      flushSync: () => agent.flushSync(),
      sendSpooled: (timeoutMs) => agent.sendSpooled(timeoutMs),
      hasUnsent: () => agent.deferredWriter.writer?.hasSpooledRows === true,
    },
  });
  otelMetrics.onEndOpenRequests = () => monitor.endOpenInvocation('failed');
  return monitor;
}
