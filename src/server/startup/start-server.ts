import { join } from 'node:path';
import type { RequestHandler } from 'express';
import { Agent } from '../../agent/agent.ts';
import {
  createPrometheusReader,
  formatPrometheusMetrics,
  PROMETHEUS_CONTENT_TYPE,
} from '../../agent/export/prometheus-exporter.ts';
import { EXPRESS, ROUTER } from '../../agent/instrumentation/frameworks/express/express.ts';
import { setSharedAgent } from '../../agent/shared-agent.ts';
import { getAgentUrl } from '../../core/agent-download.ts';
import { withTimeout } from '../../core/concurrency.ts';
import { getRowTarget } from '../../core/config/questdb-targets.ts';
import { removeDiscoveryFile, writeDiscoveryFile } from '../../core/config/server-discovery.ts';
import type { StartupConfig } from '../../core/config/startup-config.ts';
import { getQuestdbStoreId, getSpoolStoreId } from '../../core/config/store-id.ts';
import { startTask } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { getProcessIdentity } from '../../core/process-identity.ts';
import { VERSION } from '../../core/version.ts';
import { applyRetention } from '../../storage/migrations/apply-retention.ts';
import { migrate } from '../../storage/migrations/migrate.ts';
import type { QuestdbInstance } from '../../storage/questdb/open-questdb.ts';
import type { StorageMonitor } from '../../storage/questdb/storage-monitor.ts';
import { openSeriesStateStore } from '../../storage/write/series-state-store.ts';
import { createAccessControl } from '../access/access-control.ts';
import { generateLocalToken } from '../access/api-key-secret.ts';
import { loadAgentPackage } from '../agent-package/agent-package-file.ts';
import { AgentVersionMonitor } from '../agent-package/agent-version-monitor.ts';
import type { AlertEvaluator } from '../alerts/alert-evaluator.ts';
import { formatAlertMetrics } from '../alerts/format-alert-metrics.ts';
import { createAlertService } from '../alerts/service/alert-service.ts';
import { createIncidentService } from '../alerts/service/incident-service.ts';
import { createBacktestService } from '../backtest/service/backtest-service.ts';
import { createNotificationService } from '../notifications/notification-service.ts';
import type { Notifier } from '../notifications/notifier.ts';
import { RejectionReporter } from '../otlp/rejection-reporter.ts';
import { createSuggestionService } from '../suggestions/suggestion-service.ts';
import { type ActionParts, createActions } from './create-actions.ts';
import { createAlertEvaluator, createAnomalyService, createNotifier } from './create-alerting.ts';
import { DiscoveryPublisher } from './discovery-publisher.ts';
import { listen } from './listen.ts';
import { type ServerParts, startParts } from './part-lifecycle.ts';
import { startAlertingAndActions, startStorageJobs } from './start-background-tasks.ts';
import { startStorage } from './start-storage.ts';

const KEY_FLUSH_TIMEOUT_MS = 5000;
const AGENT_SHUTDOWN_TIMEOUT_MS = 1000;
/** Time for which the start waits for the rows and states of the last process. Other requests are served already. */
const MAX_RECOVERY_WAIT_MS = 3000;
/** Time for spooled rows to be written to QuestDB and become readable. */
const VISIBILITY_DELAY_MS = 2000;

interface ServerAddresses {
  readonly url: string;
  readonly questdbUrl: string;
  readonly dataDir: string;
  /** Start line about missing API keys. Undefined if a key exists. */
  readonly accessNotice: string | undefined;
  /** URL of the agent package. Undefined if the server can't offer it over loopback or HTTPS. */
  readonly agentUrl: string | undefined;
}

export interface RunningServer extends ServerAddresses {
  /** Stops all parts of the server within five seconds. */
  close(): Promise<void>;
}

/**
 * Starts QuestDB, updates its schema, and starts the HTTP server and the background jobs.
 *
 * @throws the error from the part that failed to start
 */
export function startServer(config: StartupConfig, log: Logger): Promise<RunningServer> {
  return startParts((parts) => startAllParts(parts, config, log), log);
}

/**
 * Starts the parts in the reverse of the order in which they must stop. To stop, the server first
 * stops accepting requests. Then it stops the alert evaluator, the notifier with its journal, the
 * agent with its writer, and QuestDB.
 */
async function startAllParts(
  parts: ServerParts,
  config: StartupConfig,
  log: Logger,
): Promise<ServerAddresses> {
  const { settings } = config;
  const { retention } = settings;
  const stopping = new AbortController();
  // QuestDB can restart before the server listens, and alerts can fire before the notifier exists.
  let publishDiscovery = () => {};
  let notifier: Notifier | undefined;

  const { questdb, queryClient, failFastClient, keyReader, monitor } = await startStorage(
    parts,
    config,
    log,
    () => publishDiscovery(),
  );
  const spoolDir = settings.PERFORMANCE_SPOOL_DIR ?? join(questdb.dataDir, 'spool');
  const getTargets = () => ({ ...questdb.getTargets(), writesPaused: monitor.pauseReason });
  const target = () => getRowTarget(getTargets());
  const states = openSeriesStateStore({ log });
  const agent = new Agent({ config, log, target, spoolDir, isServer: true, states });
  setSharedAgent(agent);
  const { add } = agent.deferredWriter;
  const prometheus = createPrometheusReader(agent.histograms.createCumulativeProducer());
  if (settings.enabled) agent.instrument([prometheus]);
  agent.instrumentLibraries([EXPRESS, ROUTER]);
  await parts.start({
    name: 'the agent',
    start: async () => {
      agent.connect();
      agent.startSystemMetrics();
    },
    stop: () => agent.shutdown(AGENT_SHUTDOWN_TIMEOUT_MS),
  });
  const localToken = generateLocalToken();
  const access = await parts.start({
    name: 'access control',
    start: () =>
      createAccessControl({
        settings,
        localToken,
        read: keyReader.read,
        add,
        flush: async () => agent.deferredWriter.writer?.flush(KEY_FLUSH_TIMEOUT_MS),
      }),
    stop: (started) => started.close(),
  });
  const evaluator = createAlertEvaluator(agent, failFastClient, log, {
    notify: (group) => notifier?.notify(group),
    onEvaluated: (alerts) => notifier?.onEvaluated(alerts),
    getCompleteness: () => monitor,
  });
  const notifications = await createNotifier({
    agent,
    evaluator,
    queryClient,
    log,
    dataDir: questdb.dataDir,
    read: keyReader.read,
    audit: access.audit,
  });
  notifier = notifications.notifier;
  const actions = createActions({ agent, evaluator, queryClient, log });
  let agentUrl: string | undefined;
  const agentVersions = new AgentVersionMonitor({
    read: queryClient.read,
    log,
    agentUrl: () => agentUrl,
  });
  // Load Express only now, because the agent instruments Express while Express loads.
  const { createApp } = await import('../api/api-app.ts');
  const { createAlertmanagerRouter } = await import('../api/alertmanager-router.ts');
  const { getPublicPath } = await import('../api/web-app-router.ts');
  const { createOtlpHandler } = await import('./create-otlp.ts');
  const rejections = new RejectionReporter({ log });
  const app = createApp(
    {
      queryClient,
      storage: {
        check: (timeoutMs) => monitor.check(timeoutMs),
        getPauseReason: () => monitor.pauseReason,
        getWriteStats: () => agent.deferredWriter.writer?.stats,
        dataDir: questdb.dataDir,
        questdbDir: questdb.isEmbedded ? join(questdb.dataDir, 'questdb') : undefined,
      },
      zone: settings.timeZone,
      recorder: agent.recorder,
      health: agent.health,
      alerts: createAlertService(evaluator, queryClient, settings.PERFORMANCE_PUBLIC_URL),
      anomalies: createAnomalyService(evaluator, queryClient),
      incidents: createIncidentService({
        evaluator,
        queryClient,
        healthIntervalMs: settings.SYSTEM_HEALTH_INTERVAL,
        publicUrl: settings.PERFORMANCE_PUBLIC_URL,
      }),
      notifications: createNotificationService({ ...notifications, queryClient }),
      backtests: createBacktestService({
        queryClient,
        settings,
        getRuleSet: () => evaluator.rulesFile.ruleSet,
        getNotificationConfig: () => notifications.notifier.config,
        getPeople: () => notifications.notifier.people.all,
        healthIntervalMs: settings.SYSTEM_HEALTH_INTERVAL,
      }),
      actions: actions.service,
      suggestions: createSuggestionService({
        queryClient,
        add,
        flush: async () => agent.deferredWriter.writer?.flush(),
        settings,
        healthIntervalMs: settings.SYSTEM_HEALTH_INTERVAL,
      }),
      links: notifications.links,
      access,
      maxRequestsPerMinute: settings.PERFORMANCE_API_RATE_LIMIT,
      add,
      reportAgentVersion: (service, version) => agentVersions.report(service, version),
      flush: () => agent.flush(),
      migrate: () => migrate(questdb.getTargets().write, retention),
      retentionDays: retention.rawDays,
      applyRetention: () => applyRetention(questdb.getTargets().write, retention),
      healthIntervalMs: settings.SYSTEM_HEALTH_INTERVAL,
      maxWriteDelayMs: settings.PERFORMANCE_FLUSH_INTERVAL + VISIBILITY_DELAY_MS,
      stopping: stopping.signal,
      log,
    },
    {
      publicPath: getPublicPath(settings.PERFORMANCE_PUBLIC_URL),
      loadAgentPackage,
      metrics: createMetricsHandler(prometheus, evaluator, actions.scalingRecorder),
      alertmanager: createAlertmanagerRouter({
        authenticate: access.authenticate,
        externalAlerts: evaluator.externalAlerts,
        maxRequestsPerMinute: settings.PERFORMANCE_API_RATE_LIMIT,
        log,
      }),
      otlp: createOtlpHandler({
        settings,
        agent,
        getStoreIds: () =>
          [getSpoolStoreId(spoolDir), getQuestdbStoreId(questdb.getTargets())].filter(
            (id) => id !== undefined,
          ),
        states,
        authenticate: access.authenticate,
        getPauseReason: () => monitor.pauseReason,
        log,
        rejections,
      }),
    },
  );
  const { url, stopServing } = await parts.start({
    name: 'the HTTP server',
    start: async () => {
      const { server, url } = await listen(app, settings.HOST, settings.PORT, {
        onHttp2: (address) => rejections.reportHttp2(address),
      });
      const publisher = new DiscoveryPublisher(
        () => writeServerDiscovery(config, { questdb, monitor, url, spoolDir, localToken }),
        log,
      );
      publisher.start();
      publishDiscovery = () => publisher.publish();
      questdb.publishUrl(url);
      agentUrl = getAgentUrl(url) ?? getAgentUrl(settings.PERFORMANCE_PUBLIC_URL);
      const stopServing = () => {
        stopping.abort();
        publisher.stop();
        removeDiscoveryFile(config.discoveryFile, process.pid);
        server.close();
        server.closeAllConnections();
      };
      return { url, stopServing };
    },
    stop: (started) => started.stopServing(),
  });
  monitor.onChange(() => {
    publishDiscovery();
    startTask('the alert evaluation', () => evaluator.evaluateInternalRules());
  });
  await startStorageJobs(parts, { config, log, questdb, queryClient, monitor, agentVersions });
  await startAlertingAndActions(parts, { config, evaluator, notifications, actions });
  // The HTTP server starts before the jobs, but must stop serving requests before the jobs stop.
  await parts.start({ name: 'open requests', start: () => {}, stop: stopServing });
  // Usually short. Otherwise, the first OTLP requests of tools that wait for the server would be rejected.
  await withTimeout(MAX_RECOVERY_WAIT_MS, states.adopted, () => {});
  return {
    url,
    questdbUrl: questdb.getTargets().write.url,
    dataDir: questdb.dataDir,
    accessNotice: access.notice,
    agentUrl,
  };
}

function writeServerDiscovery(
  { discoveryFile }: StartupConfig,
  {
    questdb,
    monitor,
    url,
    spoolDir,
    localToken,
  }: {
    readonly questdb: QuestdbInstance;
    readonly monitor: StorageMonitor;
    readonly url: string;
    readonly spoolDir: string;
    readonly localToken: string;
  },
): void {
  writeDiscoveryFile(discoveryFile, {
    process: getProcessIdentity(process.pid),
    version: VERSION,
    serverUrl: url,
    questdb: { ...questdb.getTargets(), writesPaused: monitor.pauseReason },
    localToken,
    spoolDir,
    ...(questdb.isEmbedded && { dataDir: questdb.dataDir }),
  });
}

function createMetricsHandler(
  prometheus: ReturnType<typeof createPrometheusReader>,
  evaluator: AlertEvaluator,
  scalingRecorder: ActionParts['scalingRecorder'],
): RequestHandler {
  return async (_request, response) => {
    const agentMetrics = await formatPrometheusMetrics(prometheus);
    const serverMetrics = formatAlertMetrics(evaluator) + scalingRecorder.metricsText();
    response.type(PROMETHEUS_CONTENT_TYPE).send(agentMetrics + serverMetrics);
  };
}
