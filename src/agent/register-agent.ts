import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { formatOtlpUrl } from '../core/config/otlp-settings.ts';
import { stderrLogger } from '../core/log.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import type { Agent } from './agent.ts';
import { toProcessOccurrence } from './error-tracking/to-error-occurrence.ts';
import { servePrometheus } from './export/prometheus-exporter.ts';
import { getCurrentTenant } from './instrumentation/context/tenant-context.ts';
import { redirectLambdaHandler } from './lambda/redirect-handler.ts';
import { CoverageWatcher } from './library-coverage/coverage-watcher.ts';
import { flushOnExit } from './process/flush-on-exit.ts';
import { captureProcessErrors } from './process/process-errors.ts';
import { isRegistered, markRegistered } from './registered.ts';
import { runWhenIdle } from './run-when-idle.ts';
import { getSharedAgent } from './shared-agent.ts';

/**
 * Instruments the application in this process. Never throws, so the application always starts.
 * Synchronous, because `--require` can't wait. Only the first call in a process has an effect, also if
 * the application loads several copies of this package.
 *
 * @param options.dryRun whether to instrument the libraries without writing rows, as `doctor` does.
 * Default: `false`.
 */
export function registerAgent(options: { dryRun?: boolean } = {}): void {
  try {
    if (isRegistered()) return;
    markRegistered();
    startAgent(options.dryRun ?? false);
  } catch (error) {
    const reason = errorMessage(error);
    stderrLogger.error(createError('PS_PART_FAILED', { part: 'Perfscope', reason }).message);
  }
}

function startAgent(dryRun: boolean): void {
  const agent = getSharedAgent();
  const { settings } = agent.config;
  if (!settings.enabled) return;
  if (dryRun || settings.prometheusPort === undefined) agent.instrument([], { dryRun });
  else {
    const { reader, server } = servePrometheus(
      settings.prometheusPort,
      settings.prometheusHost,
      stderrLogger,
      agent.histograms.createCumulativeProducer(),
    );
    agent.ignoreServer(server);
    agent.instrument([reader]);
  }
  agent.instrumentLibraries();
  if (dryRun) return;
  const isLambda = agent.lambda !== undefined;
  if (isLambda) redirectLambdaHandler(dirname(fileURLToPath(import.meta.url)));
  // A function shares its host with others, and is frozen between invocations.
  const systemMetrics = isLambda ? [] : agent.listSystemMetricStarts();
  runWhenIdle('the start', [() => agent.connect(), ...systemMetrics]);
  const coverage = watchCoverage(agent);
  trackProcessErrors(agent);
  flushOnExit(agent, { addLastRows: () => coverage.writeChanges() });
}

/** Stores uncaught exceptions and unhandled rejections in `error_logs`. */
function trackProcessErrors({ errorTracker }: Agent): void {
  captureProcessErrors((error) =>
    errorTracker.track(toProcessOccurrence(error, getCurrentTenant())),
  );
}

function watchCoverage(agent: Agent): CoverageWatcher {
  const { resource, folder } = agent.config;
  const watcher = new CoverageWatcher({
    agent,
    resource,
    folder,
    add: agent.deferredWriter.add,
    // Worker threads load the same libraries as the main thread, so only the main thread lists them.
    isLogging: isMainThread,
    log: stderrLogger,
    onListed: () => logDestination(agent),
  });
  watcher.start();
  return watcher;
}

/** Logs where the data is sent, if this isn't QuestDB. */
function logDestination(agent: Agent): void {
  if (!isMainThread) return;
  const { otlp } = agent.config.settings;
  if (otlp) stderrLogger.info(formatOtlpDestination(formatOtlpUrl(otlp), agent.isOtlpOnly));
  if (!agent.isOtlpOnly && !agent.hasWriteTarget)
    stderrLogger.info(
      'waiting for a server. Start one with `perfscope serve`, or set PERFORMANCE_QUESTDB_URL',
    );
}

function formatOtlpDestination(url: string, isOtlpOnly: boolean): string {
  const rows = isOtlpOnly
    ? 'No rows are sent to QuestDB, so errors, jobs, and request samples are not stored'
    : 'Rows are sent to QuestDB';
  return `sending metrics over OTLP to ${url}. ${rows}`;
}
