import { isMainThread } from 'node:worker_threads';
import { formatOtlpUrl } from '../core/config/otlp-settings.ts';
import { guard } from '../core/guard.ts';
import { startTimeout } from '../core/guarded-timers.ts';
import { stderrLogger } from '../core/log.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import type { Agent } from './agent.ts';
import { servePrometheus } from './export/prometheus-exporter.ts';
import { LibraryReporter } from './instrumentation/loading/library-states.ts';
import { flushOnExit } from './process/flush-on-exit.ts';
import { isRegistered, markRegistered } from './registered.ts';
import { runWhenIdle } from './run-when-idle.ts';
import { getSharedAgent } from './shared-agent.ts';

/** What fails, for `guard`. */
const LIST_PART = 'the list of libraries';
/** Time for the application to load its libraries before they are listed in the log. */
const LIBRARY_REPORT_DELAY_MS = 1000;

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
  runWhenIdle('the start', [() => agent.connect(), ...agent.listSystemMetricStarts()]);
  // Worker threads load the same libraries as the main thread, so only the main thread lists them.
  if (isMainThread) startTimeout(LIST_PART, () => listLibraries(agent), LIBRARY_REPORT_DELAY_MS);
  agent.captureProcessErrors();
  flushOnExit(agent);
}

/** Lists the libraries now, and the libraries that the application loads later. */
function listLibraries(agent: Agent): void {
  const reporter = new LibraryReporter();
  stderrLogger.info(reporter.list(agent.loadedLibraries));
  const { otlp } = agent.config.settings;
  if (otlp) stderrLogger.info(formatOtlpDestination(formatOtlpUrl(otlp), agent.isOtlpOnly));
  if (!agent.isOtlpOnly && !agent.hasWriteTarget)
    stderrLogger.info(
      'waiting for a server. Start one with `perfscope serve`, or set PERFORMANCE_QUESTDB_URL',
    );
  let isWaiting = false;
  const listChanges = () => {
    isWaiting = false;
    const changes = reporter.listChanges(agent.loadedLibraries);
    if (changes !== undefined) stderrLogger.info(changes);
  };
  // A library consists of several files, which are loaded one after another.
  agent.watchLibraries(
    guard(LIST_PART, () => {
      if (!isWaiting) startTimeout(LIST_PART, listChanges, LIBRARY_REPORT_DELAY_MS);
      isWaiting = true;
    }),
  );
}

function formatOtlpDestination(url: string, isOtlpOnly: boolean): string {
  const rows = isOtlpOnly
    ? 'No rows are sent to QuestDB, so errors, jobs, and request samples are not stored'
    : 'Rows are sent to QuestDB';
  return `sending metrics over OTLP to ${url}. ${rows}`;
}
