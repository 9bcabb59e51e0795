import { mkdtempSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { auditTo } from '../../src/access/audit.ts';
import { KeyStore } from '../../src/access/key-store.ts';
import type { Role } from '../../src/access/roles.ts';
import { actionDesk } from '../../src/actions/desk/desk.ts';
import { Decider } from '../../src/actions/rules/run/decider.ts';
import { alertDesk } from '../../src/alerts/desk/desk.ts';
import type { Evaluator } from '../../src/alerts/evaluator.ts';
import { knownAlerts } from '../../src/alerts/known.ts';
import { createApp } from '../../src/api/app.ts';
import type { Parts } from '../../src/api/parts.ts';
import { externalQuestdb } from '../../src/config/external.ts';
import { parseSettings } from '../../src/config/settings.ts';
import { forcedBreakers } from '../../src/forced-breakers.ts';
import { listen } from '../../src/listen.ts';
import { notificationDesk } from '../../src/notify/desk.ts';
import { linkKey } from '../../src/notify/links/key.ts';
import { linkReader } from '../../src/notify/links/link.ts';
import { linksBy } from '../../src/notify/links/links.ts';
import { Notifier } from '../../src/notify/notifier.ts';
import { openEntry } from '../../src/notify/open-entry.ts';
import type { OpenChannel } from '../../src/notify/opener.ts';
import { PeopleBook } from '../../src/notify/people/book.ts';
import { postDecision, refusalOfWebhook } from '../../src/open-actions.ts';
import { migrate } from '../../src/questdb/migrate.ts';
import { QuestdbStore } from '../../src/questdb/store.ts';
import { Recorder } from '../../src/record/recorder.ts';
import type { HealthSnapshot } from '../../src/schema/health-snapshot.ts';
import { EVERYTHING, type Scope } from '../../src/schema/scope.ts';
import type { Store } from '../../src/windows/store.ts';
import { DroppedRows } from '../../src/write/dropped.ts';
import { Writer } from '../../src/write/writer.ts';
import { evaluatorOf } from './alerts.ts';
import { ForeignQuestdb } from './questdb.ts';
import { RETENTION } from './retention.ts';
import { until } from './until.ts';

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
export class Api {
  readonly questdb = new ForeignQuestdb();
  readonly stopping = new AbortController();
  scope: Scope = EVERYTHING;
  role: Role = 'ADMIN';
  /** What the evaluator and the notifier take for the time. */
  now = () => Date.now();
  url = '';
  readonly said: string[] = [];
  #writer: Writer | undefined;
  #store: QuestdbStore | undefined;
  #server: Server | undefined;
  readonly #watch: (store: Store) => Store;

  /** @param watch what stands between the API and its store */
  constructor(watch: (store: Store) => Store = (store) => store) {
    this.#watch = watch;
  }

  async start(
    options: {
      settleMs?: number;
      notifyFile?: string;
      businessRulesFile?: string;
      open?: OpenChannel;
    } = {},
  ): Promise<void> {
    this.questdb.devMode = true;
    await this.questdb.start();
    await migrate(this.questdb.target, RETENTION);
    this.#store = new QuestdbStore(externalQuestdb(parseSettings(this.questdb.env).settings)!.read);
    const say = (message: string) => void this.said.push(message);
    const log = { info: say, warn: say, error: say };
    const dropped = new DroppedRows();
    const writer = new Writer({
      dropped,
      spoolDir: mkdtempSync(join(this.questdb.folder, 'spool-')),
      spoolMaxBytes: 1e9,
      retentionDays: 30,
      bufferSize: 1e6,
      flushIntervalMs: 3_600_000,
      log,
      target: () => this.questdb.target,
      prepare: async () => {},
    });
    this.#writer = writer;
    const origin = { service: 'shop', instance: 'shop-1', environment: 'test' };
    const recorder = new Recorder({
      origin,
      retentionDays: 30,
      add: writer.add,
      strict: true,
      dropped,
      log,
    });
    writer.beforeBatch(() => recorder.addBuckets());
    const audit = auditTo(writer.add);
    const road = { read: this.#store.read, add: writer.add, flush: () => writer.flush() };
    this.evaluator = evaluatorOf({
      store: this.#store,
      ...road,
      now: () => this.now(),
      tell: (telling) => this.notifier.tell(telling),
      looked: (looked) => this.notifier.looked(looked),
    });
    const key = linkKey(this.questdb.folder);
    this.book = new PeopleBook({ ...road, audit });
    await this.book.load();
    this.notifier = new Notifier({
      stored: this.book,
      ...road,
      log,
      dataDir: this.questdb.folder,
      file: options.notifyFile,
      timeZone: 'Europe/Vienna',
      alerts: knownAlerts(this.evaluator, this.#store),
      repeatMs: () => this.evaluator.rules.set.notifications.repeatMs,
      open: options.open ?? openEntry,
      withLinks: linksBy('https://perfscope.example/', key, () => this.now()),
      now: () => this.now(),
    });
    this.decider = new Decider({
      store: this.#store,
      ...road,
      log,
      path: options.businessRulesFile,
      post: postDecision,
      refusal: refusalOfWebhook,
      now: () => this.now(),
    });
    this.parts = {
      notifications: notificationDesk({
        notifier: this.notifier,
        book: this.book,
        store: this.#store,
      }),
      links: linkReader(key),
      actions: actionDesk({
        decider: this.decider,
        store: this.#store,
        forced: forcedBreakers(this.evaluator),
        isKnown: () => true,
      }),
      alerts: alertDesk(this.evaluator, this.#store),
      store: this.#watch(this.#store),
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
      migrate: () => migrate(this.questdb.target, RETENTION),
      access: {
        keys: new KeyStore({ ...road, audit }),
        audit,
        identify: async () => ({
          principal: { subject: 'test', role: this.role, scope: this.scope },
        }),
      },
      mostRequests: 1e9,
      healthIntervalMs: 60_000,
      settleMs: options.settleMs ?? 1000,
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

  parts!: Parts;
  evaluator!: Evaluator;
  notifier!: Notifier;
  book!: PeopleBook;
  decider!: Decider;

  /** Resolves when what was recorded is stored, and readers see it. */
  async stored(): Promise<void> {
    await this.parts.flush();
    await until(async () => {
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
