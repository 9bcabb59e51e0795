import { isMainThread } from 'node:worker_threads';
import { stderrLogger } from '../core/log.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import { getSharedAgent } from './agent.ts';
import { servePrometheus } from './export/prometheus-exporter.ts';
import { flushOnExit } from './flush-on-exit.ts';
import { formatLibraries } from './instrumentation/instrumentation-registry.ts';

/** Time for the application to load its libraries before they are listed in the log. */
const LIBRARY_REPORT_DELAY_MS = 1000;

/**
 * Instruments the application in this process. Never throws, so the application always starts.
 * Synchronous, because `--require` can't wait.
 *
 * @param options.dryRun whether to instrument the libraries without writing rows, as `doctor` does.
 * Default: `false`.
 */
export function registerAgent(options: { dryRun?: boolean } = {}): void {
  try {
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
  if (dryRun) {
    agent.instrument();
    agent.instrumentLibraries();
    return;
  }
  if (!agent.hasWriteTarget && settings.prometheusPort === undefined) {
    stderrLogger.warn(createError('PS_NO_TARGET', {}).message);
    return;
  }
  if (settings.prometheusPort === undefined) agent.instrument();
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
  // Loads the other parts after the first turn of the event loop, so the application starts sooner.
  setImmediate(() => {
    if (agent.hasWriteTarget) agent.connect();
    agent.startSystemMetrics();
  }).unref();
  // Worker threads load the same libraries as the main thread, so only the main thread lists them.
  if (isMainThread)
    setTimeout(
      () => stderrLogger.warn(formatLibraries(agent.loadedLibraries)),
      LIBRARY_REPORT_DELAY_MS,
    ).unref();
  agent.captureProcessErrors();
  flushOnExit(agent);
}
