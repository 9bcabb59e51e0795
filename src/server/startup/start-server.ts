import { join } from 'node:path';
import { Agent, setSharedAgent } from '../../agent/agent.ts';
import {
  createPrometheusReader,
  formatPrometheusMetrics,
  PROMETHEUS_CONTENT_TYPE,
} from '../../agent/export/prometheus-exporter.ts';
import { createExpressInstrumentations } from '../../agent/instrumentation/express.ts';
import { InstrumentationRegistry } from '../../agent/instrumentation/instrumentation-registry.ts';
import { removeDiscoveryFile, writeDiscoveryFile } from '../../core/config/server-discovery.ts';
import type { StartupConfig } from '../../core/config/startup-config.ts';
import type { Logger } from '../../core/log.ts';
import { getProcessIdentity } from '../../core/process-identity.ts';
import { applyRetention } from '../../storage/migrations/apply-retention.ts';
import { migrate } from '../../storage/migrations/migrate.ts';
import { RollupRepairJob } from '../../storage/migrations/rollup-repair.ts';
import { openQuestdb } from '../../storage/questdb/open-questdb.ts';
import { QuestdbQueryClient } from '../../storage/questdb/query-client.ts';
import { QuestdbReader } from '../../storage/questdb/questdb-reader.ts';
import { INDEX_PAGE } from '../../web/index-page.ts';
import { INDEX_PAGE_SCRIPT } from '../../web/index-page-script.ts';
import { type AccessControl, createAccessControl } from '../access/access-control.ts';
import { formatAlertMetrics } from '../alerts/format-alert-metrics.ts';
import { createAlertService } from '../alerts/service/alert-service.ts';
import { SentryForwarder } from '../error-tracking/sentry-forwarder.ts';
import { createNotificationService } from '../notifications/notification-service.ts';
import type { Notifier } from '../notifications/notifier.ts';
import { createActions } from './create-actions.ts';
import { createAlertEvaluator, createNotifier } from './create-alerting.ts';
import { listen } from './listen.ts';

const ADOPT_INTERVAL_MS = 10_000;
const KEY_FLUSH_TIMEOUT_MS = 5000;
/** From the spool into QuestDB, and to where readers see it. */
const VISIBILITY_DELAY_MS = 2000;

export interface RunningServer {
  url: string;
  questdbUrl: string;
  dataDir: string;
  /** Whether no key is needed, because none was made and only this machine reaches the server. */
  isOpen: boolean;
  /** Ends everything that was started, within five seconds. */
  close(): Promise<void>;
}

/** Starts QuestDB, brings its schema up to date, and serves. @throws coded errors of its parts */
export async function startServer(started: StartupConfig, log: Logger): Promise<RunningServer> {
  const { settings } = started;
  const { retention } = settings;
  const restarted = { announce: () => {} };
  const stopping = new AbortController();
  let store: QuestdbQueryClient | undefined;
  let access: AccessControl | undefined;
  // Of its own: a revoked key must stop in time, whatever the questions of others take.
  let keyReader: QuestdbReader | undefined;
  const questdb = await openQuestdb(settings, log, (targets) => {
    void store?.setTarget(targets.read);
    void keyReader?.setTarget(targets.read);
    restarted.announce();
  });
  try {
    await migrate(questdb.getTargets().write, retention);
    await applyRetention(questdb.getTargets().write, retention);
    store = new QuestdbQueryClient(questdb.getTargets().read);
    const spoolDir = settings.PERFORMANCE_SPOOL_DIR ?? join(questdb.dataDir, 'spool');
    const target = () => questdb.getTargets().write;
    const monitor = new Agent({ config: started, log, target, spoolDir });
    setSharedAgent(monitor);
    const prometheus = createPrometheusReader(monitor.histograms.createCumulativeProducer());
    if (settings.enabled) monitor.instrument([prometheus]);
    new InstrumentationRegistry(createExpressInstrumentations());
    await monitor.connect();
    await monitor.startSystemMetrics();
    keyReader = new QuestdbReader(questdb.getTargets().read);
    access = await createAccessControl({
      settings,
      read: keyReader.read,
      add: monitor.deferredWriter.add,
      flush: async () => monitor.deferredWriter.writer?.flush(KEY_FLUSH_TIMEOUT_MS),
    });
    const { isAuthDisabled: open } = access;
    const hears = { notifier: undefined as Notifier | undefined };
    const evaluator = createAlertEvaluator(monitor, store, log, {
      notify: (telling) => hears.notifier?.notify(telling),
      onEvaluated: (alerts) => hears.notifier?.onEvaluated(alerts),
    });
    const notifying = await createNotifier({
      agent: monitor,
      evaluator,
      queryClient: store,
      log,
      dataDir: questdb.dataDir,
      read: keyReader.read,
      audit: access.audit,
    });
    hears.notifier = notifying.notifier;
    const actions = createActions({ agent: monitor, evaluator, queryClient: store, log });
    // Only now: Express is instrumented while it is being loaded.
    const { createApp } = await import('../api/api-app.ts');
    const app = createApp(
      {
        queryClient: store,
        zone: settings.PERFORMANCE_TIME_ZONE,
        recorder: monitor.recorder,
        health: monitor.health,
        alerts: createAlertService(evaluator, store),
        notifications: createNotificationService({ ...notifying, store }),
        actions: actions.service,
        links: notifying.links,
        access,
        maxRequestsPerMinute: settings.PERFORMANCE_API_RATE_LIMIT,
        add: monitor.deferredWriter.add,
        flush: () => monitor.flush(),
        migrate: () => migrate(questdb.getTargets().write, retention),
        healthIntervalMs: settings.SYSTEM_HEALTH_INTERVAL,
        maxWriteDelayMs: settings.PERFORMANCE_FLUSH_INTERVAL + VISIBILITY_DELAY_MS,
        stopping: stopping.signal,
        log,
      },
      {
        page: INDEX_PAGE,
        pageScript: INDEX_PAGE_SCRIPT,
        metrics: async (_request, response) => {
          const text = await formatPrometheusMetrics(prometheus);
          const own = formatAlertMetrics(evaluator) + actions.recommender.metricsText();
          response.type(PROMETHEUS_CONTENT_TYPE).send(text + own);
        },
      },
    );
    const { server, url } = await listen(app, settings.HOST, settings.PORT);
    restarted.announce = () => {
      const process_ = getProcessIdentity(process.pid);
      const questdbTargets = questdb.getTargets();
      writeDiscoveryFile(started.discoveryFile, {
        process: process_,
        serverUrl: url,
        questdb: questdbTargets,
        spoolDir,
        ...(questdb.isEmbedded && { dataDir: questdb.dataDir }),
      });
    };
    restarted.announce();
    questdb.publishUrl(url);
    notifying.peopleStore.watch();
    await notifying.notifier.start();
    if (settings.PERFORMANCE_ALERTS_ENABLED) evaluator.start();
    actions.ruleEvaluator.start();
    if (settings.enabled) actions.recommender.start();
    const dsn = settings.PERFORMANCE_SENTRY_DSN;
    const forwarder = dsn && new SentryForwarder({ dsn, read: store.read, log });
    forwarder?.start();
    const keeper = new RollupRepairJob(target, log);
    keeper.start();
    const adopting = setInterval(
      () => monitor.deferredWriter.writer?.adoptSpool(),
      ADOPT_INTERVAL_MS,
    );
    return {
      url,
      questdbUrl: questdb.getTargets().write.url,
      dataDir: questdb.dataDir,
      isOpen: open,
      close: async () => {
        clearInterval(adopting);
        stopping.abort();
        access?.close();
        removeDiscoveryFile(started.discoveryFile, process.pid);
        server.close();
        server.closeAllConnections();
        await evaluator.stop();
        await actions.ruleEvaluator.stop();
        notifying.peopleStore.close();
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
