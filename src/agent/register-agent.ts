import { isMainThread } from 'node:worker_threads';
import { createError, errorMessage } from '../core/errors.ts';
import { stderrLogger } from '../core/log.ts';
import { type Agent, getSharedAgent } from './agent.ts';
import { formatLibraries } from './instrumentation/instrumentation-registry.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const EXIT_FLUSH_TIMEOUT_MS = 2000;
/** Time in ms in which an application loads what it loads at its start. */
const LIBRARY_REPORT_DELAY_MS = 1000;

/**
 * Instruments the application that runs in this process. Never throws, so that the application
 * starts in any case.
 *
 * @param options.dryRun whether to instrument the libraries without writing anything, as `doctor` does
 */
export async function registerAgent(options: { dryRun?: boolean } = {}): Promise<void> {
  try {
    await startAgent(options.dryRun ?? false);
  } catch (error) {
    const reason = errorMessage(error);
    stderrLogger.error(createError('PS_PART_FAILED', { part: 'Perfscope', reason }).message);
  }
}

/** `node --import perfscope/register app.js`: measures the application, and never disturbs it. */
async function startAgent(dryRun: boolean): Promise<void> {
  const monitor = getSharedAgent();
  const { settings } = monitor.config;
  if (!settings.enabled) return;
  if (dryRun) {
    monitor.instrument();
    monitor.instrumentLibraries();
    return;
  }
  if (!monitor.hasWriteTarget && settings.prometheusPort === undefined) {
    stderrLogger.warn(createError('PS_NO_TARGET', {}).message);
    return;
  }
  if (settings.prometheusPort === undefined) monitor.instrument();
  else {
    // Readers must be there when the provider is made, so this one part is loaded at once.
    const { servePrometheus } = await import('./export/prometheus-exporter.ts');
    const { prometheusPort: port, prometheusHost: host } = settings;
    const { reader, server } = servePrometheus(
      port,
      host,
      stderrLogger,
      monitor.histograms.createCumulativeProducer(),
    );
    monitor.ignoreServer(server);
    monitor.instrument([reader]);
  }
  monitor.instrumentLibraries();
  // The application starts first; what only matters later is loaded after its first turn.
  setImmediate(() => {
    if (monitor.hasWriteTarget) void monitor.connect();
    void monitor.startSystemMetrics();
  }).unref();
  // Not the threads: what they load is what their process has loaded.
  if (isMainThread)
    setTimeout(
      () => stderrLogger.warn(formatLibraries(monitor.loadedLibraries)),
      LIBRARY_REPORT_DELAY_MS,
    ).unref();
  monitor.captureProcessErrors();
  flushOnExit(monitor);
}

/** However the process ends, short of a SIGKILL, what was measured reaches at least the spool. */
function flushOnExit(monitor: Agent): void {
  if (!monitor.hasWriteTarget) return;
  let ending: Promise<void> | undefined;
  const end = () => {
    // Sockets and timers of ours do not hold the process; this one does, for two seconds at most.
    const hold = setTimeout(() => {}, EXIT_FLUSH_TIMEOUT_MS);
    ending ??= monitor.flush(EXIT_FLUSH_TIMEOUT_MS).catch(() => {});
    return ending.finally(() => clearTimeout(hold));
  };
  process.once('beforeExit', end);
  process.on('exit', () => monitor.flushSync());
  for (const signal of SIGNALS) {
    const listener = () => {
      const isOurs = process.listenerCount(signal) === 0;
      // Without another listener the signal would have ended the process: let it do so, flushed.
      void end().finally(() => {
        if (!isOurs) return;
        monitor.flushSync();
        process.kill(process.pid, signal);
      });
    };
    process.once(signal, listener);
  }
}
