import { mkdtempSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { MetricRecorder } from '../../src/agent/record/metric-recorder.ts';
import { parseSettings } from '../../src/core/config/parse-settings.ts';
import { getExternalQuestdbTargets } from '../../src/core/config/questdb-targets.ts';
import type { Role } from '../../src/core/person-and-roles.ts';
import type { AddRows } from '../../src/core/schema/table-registry.ts';
import type { HealthSnapshot } from '../../src/core/schema/tables/system-health-table.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../src/core/tenant-scope.ts';
import { ApiKeyStore } from '../../src/server/access/api-key-store.ts';
import { createAuditLogger } from '../../src/server/access/audit-logger.ts';
import type { Principal } from '../../src/server/access/principal.ts';
import { createActionService } from '../../src/server/actions/action-service.ts';
import { BusinessRuleScheduler } from '../../src/server/actions/business-rules/business-rule-scheduler.ts';
import { loadAgentPackage } from '../../src/server/agent-package/agent-package-file.ts';
import type { AlertEvaluator } from '../../src/server/alerts/alert-evaluator.ts';
import {
  createAlertLookup,
  createAlertService,
} from '../../src/server/alerts/service/alert-service.ts';
import { createIncidentService } from '../../src/server/alerts/service/incident-service.ts';
import { createApp } from '../../src/server/api/api-app.ts';
import type { EndpointDependencies } from '../../src/server/api/endpoint-definition.ts';
import { createBacktestService } from '../../src/server/backtest/service/backtest-service.ts';
import { withAlertErrorRows } from '../../src/server/error-tracking/alert-error-row.ts';
import {
  type CreateChannel,
  createChannel,
} from '../../src/server/notifications/channels/create-channel.ts';
import {
  createLinkReader,
  createMessageLinker,
  loadLinkKey,
} from '../../src/server/notifications/message/signed-links.ts';
import { createNotificationService } from '../../src/server/notifications/notification-service.ts';
import { Notifier } from '../../src/server/notifications/notifier.ts';
import { PeopleStore } from '../../src/server/notifications/people/people-store.ts';
import {
  createForcedBreakerLookup,
  postDecision,
  validateWebhookUrl,
} from '../../src/server/startup/create-actions.ts';
import { createAnomalyService } from '../../src/server/startup/create-alerting.ts';
import { listen } from '../../src/server/startup/listen.ts';
import { createSuggestionService } from '../../src/server/suggestions/suggestion-service.ts';
import { applyRetention } from '../../src/storage/migrations/apply-retention.ts';
import { migrate } from '../../src/storage/migrations/migrate.ts';
import type { ScanClient } from '../../src/storage/questdb/query-client.ts';
import { QuestdbQueryClient } from '../../src/storage/questdb/query-client.ts';
import { StorageMonitor } from '../../src/storage/questdb/storage-monitor.ts';
import { DroppedRowCounter } from '../../src/storage/spool/dropped-rows.ts';
import { RowWriter } from '../../src/storage/write/row-writer.ts';
import { createEvaluator } from './alert-fixtures.ts';
import { DEFAULT_RETENTION } from './default-retention.ts';
import { ExternalQuestdb } from './external-questdb.ts';
import { waitFor } from './wait-for.ts';

const SNAPSHOT: HealthSnapshot['metrics'] = {
  cpu: 12,
  memory: 34,
  hostCpu: 6,
  hostMemory: 17,
  processCpu: 11,
  processMemory: 2 ** 26,
  eventLoopUtilization: 22,
  disk: 56,
  load: 0.5,
  uptime: 7,
  eventLoopDelayP99: 1,
  avgResponseTime: undefined,
  errorRate: undefined,
  dbConnections: 4,
  dbQueryTime: 2.5,
  gauges: { activeUsers: 3 },
};

interface ExplainUrls {
  PERFORMANCE_EXPLAIN_POSTGRES_URL?: string;
  PERFORMANCE_EXPLAIN_MYSQL_URL?: string;
}

/** The API with a real QuestDB, writer, alerts, and notifications. Callers have `role` and `scope`. */
export class TestApiServer {
  readonly questdb = new ExternalQuestdb({ isShared: true });
  readonly stopping = new AbortController();
  scope: TenantScope = UNRESTRICTED_SCOPE;
  role: Role = 'ADMIN';
  /** The caller, instead of a caller with `role` and `scope`. */
  principal: Principal | undefined;
  /** Callers by the value of `X-API-Key`. */
  readonly principals = new Map<string, Principal>();
  /** Clock of the evaluator and the notifier. */
  now = () => Date.now();
  /** Databases for EXPLAIN. Set them before the start. */
  explainUrls: ExplainUrls = {};
  url = '';
  readonly logMessages: string[] = [];
  /** The table of each added row, in order. */
  readonly addedTables: string[] = [];
  /** Service and version of each reported agent. */
  readonly agentVersions: [string, string][] = [];
  /** Folder with the agent package. */
  readonly agentFolder = join(this.questdb.folder, 'agent');
  #writer: RowWriter | undefined;
  #queryClient: QuestdbQueryClient | undefined;
  #server: Server | undefined;
  readonly #wrapQueryClient: (queryClient: ScanClient) => ScanClient;

  /** @param wrapQueryClient wraps the query client that the API uses */
  constructor(
    wrapQueryClient: (queryClient: ScanClient) => ScanClient = (queryClient) => queryClient,
  ) {
    this.#wrapQueryClient = wrapQueryClient;
  }

  async start(
    options: {
      notifyFile?: string;
      businessRulesFile?: string;
      rulesFile?: string;
      createChannel?: CreateChannel;
    } = {},
  ): Promise<void> {
    await this.questdb.start();
    await migrate(this.questdb.target, DEFAULT_RETENTION);
    this.#queryClient = new QuestdbQueryClient(
      getExternalQuestdbTargets(parseSettings(this.questdb.env).settings)!.read,
    );
    const record = (message: string) => void this.logMessages.push(message);
    const log = { info: record, warn: record, error: record };
    const dropped = new DroppedRowCounter();
    const writer = new RowWriter({
      isServer: true,
      dropped,
      spoolDir: mkdtempSync(join(this.questdb.folder, 'spool-')),
      spoolMaxBytes: 1e9,
      retentionDays: 30,
      bufferSize: 1e6,
      flushIntervalMs: 3_600_000,
      log,
      target: () => this.questdb.target,
      ensureTables: async () => {},
    });
    this.#writer = writer;
    const recorder = new MetricRecorder({
      resource: { service: 'shop', instance: 'shop-1', environment: 'test' },
      add: writer.add,
      strict: true,
      dropped,
      log,
    });
    writer.onBeforeBatch(() => recorder.addBucketRows());
    const add: AddRows = (table, rows) => {
      this.addedTables.push(table);
      writer.add(table, rows);
    };
    const audit = createAuditLogger(add);
    const storage = { read: this.#queryClient.read, add, flush: () => writer.flush() };
    this.evaluator = createEvaluator({
      queryClient: this.#queryClient,
      ...storage,
      add: withAlertErrorRows(storage.add),
      rulesFile: options.rulesFile,
      now: () => this.now(),
      notify: (notification) => this.notifier.notify(notification),
      onEvaluated: (evaluation) => this.notifier.onEvaluated(evaluation),
    });
    const key = loadLinkKey(this.questdb.folder, log);
    this.peopleStore = new PeopleStore({ ...storage, audit });
    await this.peopleStore.load();
    this.notifier = new Notifier({
      storedPeople: this.peopleStore,
      ...storage,
      log,
      dataDir: this.questdb.folder,
      file: options.notifyFile,
      timeZone: 'Europe/Vienna',
      alerts: createAlertLookup(this.evaluator, this.#queryClient),
      repeatMs: () => this.evaluator.rulesFile.ruleSet.notifications.repeatMs,
      createChannel: options.createChannel ?? createChannel,
      addLinks: createMessageLinker('https://perfscope.example/', key, () => this.now()),
      now: () => this.now(),
    });
    this.monitor = new StorageMonitor({
      target: () => this.questdb.target,
      read: this.#queryClient.read,
      log,
    });
    this.ruleEvaluator = new BusinessRuleScheduler({
      queryClient: this.#queryClient,
      ...storage,
      log,
      path: options.businessRulesFile,
      post: postDecision,
      validateWebhookUrl,
      now: () => this.now(),
    });
    this.dependencies = {
      notifications: createNotificationService({
        notifier: this.notifier,
        peopleStore: this.peopleStore,
        queryClient: this.#queryClient,
      }),
      links: createLinkReader(key),
      actions: createActionService({
        ruleEvaluator: this.ruleEvaluator,
        queryClient: this.#queryClient,
        listForcedBreakers: createForcedBreakerLookup(this.evaluator),
        isRestored: () => true,
      }),
      suggestions: createSuggestionService({
        queryClient: this.#wrapQueryClient(this.#queryClient),
        ...storage,
        settings: { ...parseSettings({}).settings, ...this.explainUrls },
        healthIntervalMs: 60_000,
        now: () => this.now(),
      }),
      alerts: createAlertService(this.evaluator, this.#queryClient),
      anomalies: createAnomalyService(this.evaluator, this.#queryClient),
      incidents: createIncidentService({
        evaluator: this.evaluator,
        queryClient: this.#queryClient,
        healthIntervalMs: 60_000,
      }),
      backtests: createBacktestService({
        queryClient: this.#queryClient,
        settings: parseSettings({}).settings,
        getRuleSet: () => this.evaluator.rulesFile.ruleSet,
        getNotificationConfig: () => this.notifier.config,
        getPeople: () => this.notifier.people.all,
        healthIntervalMs: 60_000,
      }),
      queryClient: this.#wrapQueryClient(this.#queryClient),
      storage: {
        check: (timeoutMs) => this.monitor.check(timeoutMs),
        getPauseReason: () => this.monitor.pauseReason,
        getWriteStats: () => writer.stats,
        dataDir: this.questdb.folder,
        questdbDir: undefined,
      },
      zone: 'Europe/Vienna',
      recorder,
      add,
      log,
      health: {
        isMonitoring: false,
        startMonitoring: () => {},
        stopMonitoring: () => {},
        getHealthSnapshot: async () => ({
          status: 'healthy',
          timestamp: new Date(),
          metrics: SNAPSHOT,
        }),
      },
      flush: () => writer.flush(),
      migrate: () => migrate(this.questdb.target, DEFAULT_RETENTION),
      retentionDays: DEFAULT_RETENTION.rawDays,
      applyRetention: () => applyRetention(this.questdb.target, DEFAULT_RETENTION),
      access: {
        keys: new ApiKeyStore({ ...storage, audit }),
        audit,
        authenticate: async ({ apiKey = '' }) => ({
          principal: this.principals.get(apiKey) ??
            this.principal ?? { subject: 'test', role: this.role, scope: this.scope },
        }),
      },
      maxRequestsPerMinute: 1e9,
      healthIntervalMs: 60_000,
      maxWriteDelayMs: 1000,
      stopping: this.stopping.signal,
      reportAgentVersion: (service, version) => void this.agentVersions.push([service, version]),
    };
    const app = createApp(this.dependencies, {
      publicPath: '/',
      loadAgentPackage: () => loadAgentPackage(this.agentFolder),
      metrics: (_request, response) => void response.end(),
      otlp: (_request, _response, next) => next(),
      alertmanager: (_request, _response, next) => next(),
    });
    const { server, url } = await listen(app, '127.0.0.1', 0);
    this.#server = server;
    this.url = url;
  }

  dependencies!: EndpointDependencies;
  /** Not started, so it doesn't resume suspended tables. */
  monitor!: StorageMonitor;
  evaluator!: AlertEvaluator;
  notifier!: Notifier;
  peopleStore!: PeopleStore;
  ruleEvaluator!: BusinessRuleScheduler;

  /** Resolves when all recorded rows are stored and visible to readers. */
  async waitUntilStored(): Promise<void> {
    await this.dependencies.flush();
    await waitFor(async () => {
      const pendingTables = await this.questdb.sql(
        'SELECT name FROM wal_tables() WHERE writerTxn < sequencerTxn AND NOT suspended',
      );
      return pendingTables.length === 0;
    });
  }

  async remove(): Promise<void> {
    this.stopping.abort();
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.peopleStore?.close();
    await this.notifier?.stop();
    await this.ruleEvaluator?.stop();
    await this.#writer?.close();
    await this.#queryClient?.close();
    await this.questdb.remove();
  }
}
