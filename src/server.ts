import { join } from 'node:path';
import { announce, withdraw } from './config/discovery.ts';
import type { Started } from './config/environment.ts';
import { markOf } from './config/processes.ts';
import { express } from './instrumentation/express.ts';
import { Libraries } from './instrumentation/libraries.ts';
import { listen } from './listen.ts';
import type { Log } from './log.ts';
import { Monitor } from './monitor.ts';
import { prometheusReader } from './prometheus.ts';
import { applyRetention, migrate } from './questdb/migrate.ts';
import { openQuestdb } from './questdb/open.ts';
import { Reader } from './questdb/reader.ts';
import { shareMonitor } from './shared-monitor.ts';
import { PAGE } from './web/page.ts';
import { PAGE_SCRIPT } from './web/page-script.ts';

const ADOPT_EVERY_MS = 10_000;

export interface RunningServer {
  url: string;
  questdbUrl: string;
  dataDir: string;
  /** Ends everything that was started, within five seconds. */
  close(): Promise<void>;
}

/** Starts QuestDB, brings its schema up to date, and serves. @throws coded errors of its parts */
export async function startServer(started: Started, log: Log): Promise<RunningServer> {
  const { settings } = started;
  const retentionDays = settings.PERFORMANCE_RETENTION_DAYS;
  const restarted = { announce: () => {} };
  let reader: Reader | undefined;
  const questdb = await openQuestdb(settings, log, (targets) => {
    void reader?.moveTo(targets.read);
    restarted.announce();
  });
  try {
    await migrate(questdb.targets().write, retentionDays);
    await applyRetention(questdb.targets().write, retentionDays);
    reader = new Reader(questdb.targets().read);
    const spoolDir = settings.PERFORMANCE_SPOOL_DIR ?? join(questdb.dataDir, 'spool');
    const target = () => questdb.targets().write;
    const monitor = new Monitor({ started, log, target, spoolDir });
    shareMonitor(monitor);
    const prometheus = prometheusReader(monitor.histograms.sinceStart());
    if (settings.enabled) monitor.instrument([prometheus]);
    new Libraries(express());
    await monitor.connect();
    await monitor.instrumentSurroundings();
    // Only now: Express is instrumented while it is being loaded.
    const { createApp } = await import('./api/app.ts');
    const app = createApp(
      {
        query: reader.query,
        recorder: monitor.recorder,
        health: monitor.health,
        add: monitor.outlet.add,
        flush: () => monitor.flush(),
        migrate: () => migrate(questdb.targets().write, retentionDays),
        healthIntervalMs: settings.SYSTEM_HEALTH_INTERVAL,
        log,
      },
      {
        page: PAGE,
        pageScript: PAGE_SCRIPT,
        metrics: (request, response) => prometheus.getMetricsRequestHandler(request, response),
      },
    );
    const { server, url } = await listen(app, settings.HOST, settings.PORT);
    restarted.announce = () => {
      const process_ = markOf(process.pid);
      const questdbTargets = questdb.targets();
      announce(started.discoveryFile, {
        ...{ process: process_, serverUrl: url, questdb: questdbTargets, spoolDir },
      });
    };
    restarted.announce();
    questdb.tell(url);
    const adopting = setInterval(() => monitor.outlet.writer?.adopt(), ADOPT_EVERY_MS);
    return {
      url,
      questdbUrl: questdb.targets().write.url,
      dataDir: questdb.dataDir,
      close: async () => {
        clearInterval(adopting);
        withdraw(started.discoveryFile, process.pid);
        server.close();
        server.closeAllConnections();
        await monitor.shutdown(1000);
        await reader?.close();
        await questdb.close();
      },
    };
  } catch (error) {
    await reader?.close();
    await questdb.close();
    throw error;
  }
}
