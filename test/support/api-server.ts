import { mkdtempSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { MetricRecorder } from '../../src/agent/record/metric-recorder.ts';
import { getExternalQuestdbTargets } from '../../src/core/config/questdb-targets.ts';
import { parseSettings } from '../../src/core/config/settings.ts';
import type { Role } from '../../src/core/people.ts';
import type { HealthSnapshot } from '../../src/core/schema/tables/system-health-table.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../src/core/tenant-scope.ts';
import { ApiKeyStore } from '../../src/server/access/api-key-store.ts';
import { createAuditLogger } from '../../src/server/access/audit-logger.ts';
import { createActionService } from '../../src/server/actions/action-service.ts';
import { BusinessRuleEvaluator } from '../../src/server/actions/business-rules/business-rule-evaluator.ts';
import type { AlertEvaluator } from '../../src/server/alerts/alert-evaluator.ts';
import {
  createAlertLookup,
  createAlertService,
} from '../../src/server/alerts/service/alert-service.ts';
import { createApp } from '../../src/server/api/api-app.ts';
import type { EndpointDependencies } from '../../src/server/api/endpoint-definition.ts';
import { type CreateChannel, createChannel } from '../../src/server/notifications/channels/create-channel.ts';
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
import { listen } from '../../src/server/startup/listen.ts';
import { migrate } from '../../src/storage/migrations/migrate.ts';
import type { QueryClient } from '../../src/storage/questdb/query-client.ts';
import { QuestdbQueryClient } from '../../src/storage/questdb/query-client.ts';
import { DroppedRowCounter } from '../../src/storage/write/dropped-rows.ts';
import { RowWriter } from '../../src/storage/write/row-writer.ts';
import { createEvaluator } from './alert-fixtures.ts';
import { DEFAULT_RETENTION } from './default-retention.ts';
import { ExternalQuestdb } from './external-questdb.ts';
import { waitFor } from './wait-for.ts';

const SNAPSHOT: HealthSnapshot['metrics'] = {
  cpu: 12,
  memory: 34,
  disk: 56,
  load: 0.5,
  uptime: 7,
  eventLoopDelayP99: 1,
  avgResponseTime: undefined,
  errorRate: undefined,
  gauges: { activeUsers: 3 },
};

/** The API before a real QuestDB, with its write road; who asks may see `scope`. */
export class TestApiServer {
  readonly questdb = new ExternalQuestdb();
  readonly stopping = new AbortController();
  scope: TenantScope = UNRESTRICTED_SCOPE;
  role: Role = 'ADMIN';
  /** What the evaluator and the notifier take for the time. */
  now = () => Date.now();
  url = '';
  readonly logMessages: string[] = [];
  #writer: RowWriter | undefined;
  #store: QuestdbQueryClient | undefined;
  #server: Server | undefined;
  readonly #watch: (store: QueryClient) => QueryClient;

  /** @param watch what stands between the API and its store */
  constructor(watch: (store: QueryClient) => QueryClient = (store) => store) {
    this.#watch = watch;
  }

  async start(
    options: {
      settleMs?: number;
      notifyFile?: string;
      businessRulesFile?: string;
      createChannel?: CreateChannel;
    } = {},
  ): Promise<void> {
    this.questdb.devMode = true;
    await this.questdb.start();
    await migrate(this.questdb.target, DEFAULT_RETENTION);
    this.#store = new QuestdbQueryClient(
      getExternalQuestdbTargets(parseSettings(this.questdb.env).settings)!.read,
    );
    const say = (message: string) => void this.logMessages.push(message);
    const log = { info: say, warn: say, error: say };
    const dropped = new DroppedRowCounter();
    const writer = new RowWriter({
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
    const origin = { service: 'shop', instance: 'shop-1', environment: 'test' };
    const recorder = new MetricRecorder({
      resource: origin,
      retentionDays: 30,
      add: writer.add,
      strict: true,
      dropped,
      log,
    });
    writer.onBeforeBatch(() => recorder.addBucketRows());
    const audit = createAuditLogger(writer.add);
    const road = { read: this.#store.read, add: writer.add, flush: () => writer.flush() };
    this.evaluator = createEvaluator({
      queryClient: this.#store,
      ...road,
      now: () => this.now(),
      notify: (telling) => this.notifier.notify(telling),
      onEvaluated: (looked) => this.notifier.onEvaluated(looked),
    });
    const key = loadLinkKey(this.questdb.folder);
    this.book = new PeopleStore({ ...road, audit });
    await this.book.load();
    this.notifier = new Notifier({
      storedPeople: this.book,
      ...road,
      log,
      dataDir: this.questdb.folder,
      file: options.notifyFile,
      timeZone: 'Europe/Vienna',
      alerts: createAlertLookup(this.evaluator, this.#store),
      repeatMs: () => this.evaluator.rulesFile.ruleSet.notifications.repeatMs,
      createChannel: options.createChannel ?? createChannel,
      addLinks: createMessageLinker('https://perfscope.example/', key, () => this.now()),
      now: () => this.now(),
    });
    this.decider = new BusinessRuleEvaluator({
      queryClient: this.#store,
      ...road,
      log,
      path: options.businessRulesFile,
      post: postDecision,
      validateWebhookUrl: validateWebhookUrl,
      now: () => this.now(),
    });
    this.parts = {
      notifications: createNotificationService({
        notifier: this.notifier,
        peopleStore: this.book,
        queryClient: this.#store,
      }),
      links: createLinkReader(key),
      actions: createActionService({
        ruleEvaluator: this.decider,
        queryClient: this.#store,
        listForcedBreakers: createForcedBreakerLookup(this.evaluator),
        isRestored: () => true,
      }),
      alerts: createAlertService(this.evaluator, this.#store),
      queryClient: this.#watch(this.#store),
      zone: 'Europe/Vienna',
      recorder,
      add: writer.add,
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
      access: {
        keys: new ApiKeyStore({ ...road, audit }),
        audit,
        authenticate: async () => ({
          principal: { subject: 'test', role: this.role, scope: this.scope },
        }),
      },
      maxRequestsPerMinute: 1e9,
      healthIntervalMs: 60_000,
      maxWriteDelayMs: options.settleMs ?? 1000,
      stopping: this.stopping.signal,
    };
    const app = createApp(this.parts, {
      page: '',
      pageScript: '',
      metrics: (_request, response) => void response.end(),
    });
    const { server, url } = await listen(app, '127.0.0.1', 0);
    this.#server = server;
    this.url = url;
  }

  parts!: EndpointDependencies;
  evaluator!: AlertEvaluator;
  notifier!: Notifier;
  book!: PeopleStore;
  decider!: BusinessRuleEvaluator;

  /** Resolves when what was recorded is stored, and readers see it. */
  async stored(): Promise<void> {
    await this.parts.flush();
    await waitFor(async () => {
      const waiting = await this.questdb.sql(
        'SELECT name FROM wal_tables() WHERE writerTxn < sequencerTxn AND NOT suspended',
      );
      return waiting.length === 0;
    });
  }

  async remove(): Promise<void> {
    this.stopping.abort();
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.book?.close();
    await this.notifier?.stop();
    await this.decider?.stop();
    await this.#writer?.close();
    await this.#store?.close();
    await this.questdb.remove();
  }
}
