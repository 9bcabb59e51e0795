import { isMainThread } from 'node:worker_threads';
import type { Settings } from '../core/config/parse-settings.ts';
import type { Logger } from '../core/log.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import type { DeferredWriter } from '../storage/write/deferred-writer.ts';
import type { SystemHealthMonitor } from './health/system-health-monitor.ts';
import type { HistogramRegistry } from './instrumentation/histograms/histogram-registry.ts';
import type { HostSampler } from './instrumentation/host/host-metrics.ts';
import type { EventLoopSampler } from './instrumentation/host/runtime-metrics.ts';
import type { OtelMetrics } from './otel-metrics.ts';

export interface SystemMetricsOptions {
  otelMetrics: OtelMetrics;
  host: HostSampler;
  /** Name of the host, the container, or the pod. */
  hostName: string;
  eventLoop: EventLoopSampler;
  health: SystemHealthMonitor;
  settings: Settings;
  log: Logger;
  histograms: HistogramRegistry;
  deferredWriter: DeferredWriter;
  /** Whether this process is a server, whose own work isn't overhead. */
  isServer?: boolean | undefined;
}

/**
 * Returns functions that start host metrics, runtime metrics, and health rows. Each logs its failure, so
 * that the application continues without this part.
 */
export function listSystemMetricStarts(options: SystemMetricsOptions): (() => void)[] {
  const { otelMetrics, host, hostName, eventLoop, health, settings, log } = options;
  const parts: [string, () => void][] = [
    ['runtime metrics', () => otelMetrics.startRuntimeMetrics(eventLoop)],
  ];
  // Worker threads share the host with the main thread, so only the main thread records host metrics.
  if (isMainThread)
    parts.push(['host metrics', () => otelMetrics.startHostMetrics(host, hostName)]);
  if (settings.SYSTEM_HEALTH_ENABLED) {
    parts.push(['health rows', () => health.startMonitoring(settings.SYSTEM_HEALTH_INTERVAL)]);
  }
  if (!options.isServer) parts.push(['the overhead budget', () => startOverheadMonitor(options)]);
  return parts.map(([part, start]) => () => {
    try {
      start();
    } catch (error) {
      const reason = errorMessage(error);
      log.warn(createError('PS_PART_FAILED', { part, reason }).message);
    }
  });
}

function startOverheadMonitor({
  otelMetrics,
  settings,
  histograms,
  deferredWriter,
  log,
}: SystemMetricsOptions): void {
  const { PERFORMANCE_AGENT_MAX_CPU, PERFORMANCE_AGENT_MAX_MEMORY } = settings;
  otelMetrics.startOverheadMonitor({
    limits: {
      cpu: PERFORMANCE_AGENT_MAX_CPU / 100 || Number.POSITIVE_INFINITY,
      memory: PERFORMANCE_AGENT_MAX_MEMORY || Number.POSITIVE_INFINITY,
    },
    exportIntervalMs: settings.exportIntervalMs,
    countObjects: () => ({
      series: histograms.countSeries(),
      rows: deferredWriter.pendingRows + (deferredWriter.writer?.stats.bufferedRows ?? 0),
    }),
    log,
  });
}
