import { isMainThread } from 'node:worker_threads';
import { coded, reasonOf } from './errors.ts';
import { librariesSaid } from './libraries-said.ts';
import { stderrLog } from './log.ts';
import type { Monitor } from './monitor.ts';
import { DOCTOR } from './register-mode.ts';
import { sharedMonitor } from './shared-monitor.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const LAST_FLUSH_MS = 2000;
/** Time in ms in which an application loads what it loads at its start. */
const SETTLE_MS = 1000;

try {
  await register();
} catch (error) {
  const reason = reasonOf(error);
  stderrLog.error(coded('PS_PART_FAILED', { part: 'Perfscope', reason }).message);
}

/** `node --import perfscope/register app.js`: measures the application, and never disturbs it. */
async function register(): Promise<void> {
  const monitor = sharedMonitor();
  const { settings } = monitor.started;
  if (!settings.enabled) return;
  if (DOCTOR in globalThis) {
    monitor.instrument();
    monitor.instrumentLibraries();
    return;
  }
  if (!monitor.hasTarget && settings.prometheusPort === undefined) {
    stderrLog.warn(coded('PS_NO_TARGET', {}).message);
    return;
  }
  if (settings.prometheusPort === undefined) monitor.instrument();
  else {
    // Readers must be there when the provider is made, so this one part is loaded at once.
    const { servePrometheus } = await import('./prometheus.ts');
    const { prometheusPort: port, prometheusHost: host } = settings;
    const { reader, server } = servePrometheus(
      port,
      host,
      stderrLog,
      monitor.histograms.sinceStart(),
    );
    monitor.disown(server);
    monitor.instrument([reader]);
  }
  monitor.instrumentLibraries();
  // The application starts first; what only matters later is loaded after its first turn.
  setImmediate(() => {
    if (monitor.hasTarget) void monitor.connect();
    void monitor.instrumentSurroundings();
  }).unref();
  // Not the threads: what they load is what their process has loaded.
  if (isMainThread)
    setTimeout(() => stderrLog.warn(librariesSaid(monitor.libraries)), SETTLE_MS).unref();
  monitor.watchErrors();
  flushAtEnd(monitor);
}

/** However the process ends, short of a SIGKILL, what was measured reaches at least the spool. */
function flushAtEnd(monitor: Monitor): void {
  if (!monitor.hasTarget) return;
  let ending: Promise<void> | undefined;
  const end = () => {
    // Sockets and timers of ours do not hold the process; this one does, for two seconds at most.
    const hold = setTimeout(() => {}, LAST_FLUSH_MS);
    ending ??= monitor.flush(LAST_FLUSH_MS).catch(() => {});
    return ending.finally(() => clearTimeout(hold));
  };
  process.once('beforeExit', end);
  process.on('exit', () => monitor.leave());
  for (const signal of SIGNALS) {
    const listener = () => {
      const isOurs = process.listenerCount(signal) === 0;
      // Without another listener the signal would have ended the process: let it do so, flushed.
      void end().finally(() => {
        if (!isOurs) return;
        monitor.leave();
        process.kill(process.pid, signal);
      });
    };
    process.once(signal, listener);
  }
}
