import { join } from 'node:path';
import { type Access, openAccess } from './access/access.ts';
import { alertDesk } from './alerts/desk/desk.ts';
import { metricsText } from './alerts/metrics-text.ts';
import { announce, withdraw } from './config/discovery.ts';
import type { Started } from './config/environment.ts';
import { markOf } from './config/processes.ts';
import { SentryForwarder } from './error-tracking/forwarder.ts';
import { express } from './instrumentation/express.ts';
import { Libraries } from './instrumentation/libraries.ts';
import { listen } from './listen.ts';
import type { Log } from './log.ts';
import { Monitor } from './monitor.ts';
import { notificationDesk } from './notify/desk.ts';
import type { Notifier } from './notify/notifier.ts';
import { openActions } from './open-actions.ts';
import { openEvaluator } from './open-evaluator.ts';
import { openNotifier } from './open-notifier.ts';
import { PROMETHEUS_TEXT, prometheusReader, prometheusText } from './prometheus.ts';
import { migrate } from './questdb/migrate.ts';
import { openQuestdb } from './questdb/open.ts';
import { Reader } from './questdb/reader.ts';
import { applyRetention } from './questdb/retention.ts';
import { RollupKeeper } from './questdb/rollup-keeper.ts';
import { QuestdbStore } from './questdb/store.ts';
import { shareMonitor } from './shared-monitor.ts';
import { PAGE } from './web/page.ts';
import { PAGE_SCRIPT } from './web/page-script.ts';

const ADOPT_EVERY_MS = 10_000;
const KEYS_WRITTEN_WITHIN_MS = 5000;
/** From the spool into QuestDB, and to where readers see it. */
const WRITTEN_WITHIN_MS = 2000;

export interface RunningServer {
  url: string;
  questdbUrl: string;
  dataDir: string;
  /** Whether no key is needed, because none was made and only this machine reaches the server. */
  open: boolean;
  /** Ends everything that was started, within five seconds. */
  close(): Promise<void>;
}

/** Starts QuestDB, brings its schema up to date, and serves. @throws coded errors of its parts */
export async function startServer(started: Started, log: Log): Promise<RunningServer> {
  const { settings } = started;
  const { retention } = settings;
  const restarted = { announce: () => {} };
  const stopping = new AbortController();
  let store: QuestdbStore | undefined;
  let access: Access | undefined;
  // Of its own: a revoked key must stop in time, whatever the questions of others take.
  let keyReader: Reader | undefined;
  const questdb = await openQuestdb(settings, log, (targets) => {
    void store?.moveTo(targets.read);
    void keyReader?.moveTo(targets.read);
    restarted.announce();
  });
  try {
    await migrate(questdb.targets().write, retention);
    await applyRetention(questdb.targets().write, retention);
    store = new QuestdbStore(questdb.targets().read);
    const spoolDir = settings.PERFORMANCE_SPOOL_DIR ?? join(questdb.dataDir, 'spool');
    const target = () => questdb.targets().write;
    const monitor = new Monitor({ started, log, target, spoolDir });
    shareMonitor(monitor);
    const prometheus = prometheusReader(monitor.histograms.sinceStart());
    if (settings.enabled) monitor.instrument([prometheus]);
    new Libraries(express());
    await monitor.connect();
    await monitor.instrumentSurroundings();
    keyReader = new Reader(questdb.targets().read);
    access = await openAccess({
      settings,
      read: keyReader.read,
      add: monitor.outlet.add,
      flush: async () => monitor.outlet.writer?.flush(KEYS_WRITTEN_WITHIN_MS),
    });
    const { open } = access;
    const hears = { notifier: undefined as Notifier | undefined };
    const evaluator = openEvaluator(monitor, store, log, {
      tell: (telling) => hears.notifier?.tell(telling),
      looked: (alerts) => hears.notifier?.looked(alerts),
    });
    const notifying = await openNotifier({
      monitor,
      evaluator,
      store,
      log,
      dataDir: questdb.dataDir,
      read: keyReader.read,
      audit: access.audit,
    });
    hears.notifier = notifying.notifier;
    const actions = openActions({ monitor, evaluator, store, log });
    // Only now: Express is instrumented while it is being loaded.
    const { createApp } = await import('./api/app.ts');
    const app = createApp(
      {
        store,
        zone: settings.PERFORMANCE_TIME_ZONE,
        recorder: monitor.recorder,
        health: monitor.health,
        alerts: alertDesk(evaluator, store),
        notifications: notificationDesk({ ...notifying, store }),
        actions: actions.desk,
        links: notifying.links,
        access,
        mostRequests: settings.PERFORMANCE_API_RATE_LIMIT,
        add: monitor.outlet.add,
        flush: () => monitor.flush(),
        migrate: () => migrate(questdb.targets().write, retention),
        healthIntervalMs: settings.SYSTEM_HEALTH_INTERVAL,
        settleMs: settings.PERFORMANCE_FLUSH_INTERVAL + WRITTEN_WITHIN_MS,
        stopping: stopping.signal,
        log,
      },
      {
        page: PAGE,
        pageScript: PAGE_SCRIPT,
        metrics: async (_request, response) => {
          const text = await prometheusText(prometheus);
          const own = metricsText(evaluator) + actions.recommender.metricsText();
          response.type(PROMETHEUS_TEXT).send(text + own);
        },
      },
    );
    const { server, url } = await listen(app, settings.HOST, settings.PORT);
    restarted.announce = () => {
      const process_ = markOf(process.pid);
      const questdbTargets = questdb.targets();
      announce(started.discoveryFile, {
        process: process_,
        serverUrl: url,
        questdb: questdbTargets,
        spoolDir,
        ...(questdb.isOwn && { dataDir: questdb.dataDir }),
      });
    };
    restarted.announce();
    questdb.tell(url);
    notifying.book.watch();
    await notifying.notifier.start();
    if (settings.PERFORMANCE_ALERTS_ENABLED) evaluator.start();
    actions.decider.start();
    if (settings.enabled) actions.recommender.start();
    const dsn = settings.PERFORMANCE_SENTRY_DSN;
    const forwarder = dsn && new SentryForwarder({ dsn, read: store.read, log });
    forwarder?.start();
    const keeper = new RollupKeeper(target, log);
    keeper.start();
    const adopting = setInterval(() => monitor.outlet.writer?.adopt(), ADOPT_EVERY_MS);
    return {
      url,
      questdbUrl: questdb.targets().write.url,
      dataDir: questdb.dataDir,
      open,
      close: async () => {
        clearInterval(adopting);
        stopping.abort();
        access?.close();
        withdraw(started.discoveryFile, process.pid);
        server.close();
        server.closeAllConnections();
        await evaluator.stop();
        await actions.decider.stop();
        notifying.book.close();
        await actions.recommender.stop();
        await notifying.notifier.stop();
        await forwarder?.stop();
        await keeper.stop();
        await monitor.shutdown(1000);
        await keyReader?.close();
        await store?.close();
        await questdb.close();
      },
    };
  } catch (error) {
    access?.close();
    await keyReader?.close();
    await store?.close();
    await questdb.close();
    throw error;
  }
}
