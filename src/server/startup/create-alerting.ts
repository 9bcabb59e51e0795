import type { Agent } from '../../agent/agent.ts';
import type { Logger } from '../../core/log.ts';
import type { ReadRows } from '../../storage/questdb/postgres-wire-reader.ts';
import type { ScanClient } from '../../storage/questdb/query-client.ts';
import type { AuditLogger } from '../access/audit-logger.ts';
import { AlertEvaluator } from '../alerts/alert-evaluator.ts';
import type { AlertEvaluatorOptions } from '../alerts/alert-evaluator-options.ts';
import { listWatchedMeasures } from '../alerts/rule-queries/query-anomalies.ts';
import { createAlertLookup } from '../alerts/service/alert-service.ts';
import { AnomalyService } from '../anomalies/service/anomaly-service.ts';
import { withAlertErrorRows } from '../error-tracking/alert-error-row.ts';
import { createChannel } from '../notifications/channels/create-channel.ts';
import {
  createLinkReader,
  createMessageLinker,
  loadLinkKey,
} from '../notifications/message/signed-links.ts';
import type { LinkVerifier } from '../notifications/notification-views.ts';
import { Notifier } from '../notifications/notifier.ts';
import { PeopleStore } from '../notifications/people/people-store.ts';

/** @param listeners receive the changes and results of each evaluation */
export function createAlertEvaluator(
  agent: Agent,
  queryClient: ScanClient,
  log: Logger,
  listeners: Pick<AlertEvaluatorOptions, 'notify' | 'onEvaluated' | 'getCompleteness'>,
): AlertEvaluator {
  const { deferredWriter, config } = agent;
  const { settings, resource } = config;
  return new AlertEvaluator({
    queryClient,
    settings,
    log,
    add: withAlertErrorRows(deferredWriter.add),
    ...listeners,
    flush: async () => deferredWriter.writer?.flush(),
    pipelineStats: () => ({
      service: resource.service,
      instance: resource.instance,
      spoolBytes: deferredWriter.writer?.stats.waitingBytes ?? 0,
      spoolLagMs: deferredWriter.writer?.stats.lagMs ?? 0,
      deadLetterRows: deferredWriter.writer?.stats.deadLetterRows ?? 0,
      droppedRows: agent.droppedRows.total,
    }),
    rulesFile: settings.PERFORMANCE_RULES_FILE,
    heartbeatUrl: settings.PERFORMANCE_HEARTBEAT_URL,
    timeZone: settings.timeZone,
    healthIntervalMs: settings.SYSTEM_HEALTH_INTERVAL,
  });
}

/** Creates the service that draws bands of normal values, and lists anomalies. */
export function createAnomalyService(
  { bands, rulesFile }: AlertEvaluator,
  queryClient: ScanClient,
): AnomalyService {
  return new AnomalyService({
    bands,
    queryClient,
    getWatched: () => listWatchedMeasures(rulesFile.ruleSet.rules),
  });
}

export interface CreateNotifierOptions {
  readonly agent: Agent;
  readonly evaluator: AlertEvaluator;
  readonly queryClient: ScanClient;
  readonly log: Logger;
  readonly dataDir: string;
  /** Uses its own connection, so that slow queries don't delay these reads. */
  readonly read: ReadRows;
  readonly audit: AuditLogger;
}

export interface NotifierParts {
  readonly notifier: Notifier;
  readonly links: LinkVerifier;
  /** People added through the API. Call `watch` to keep them up to date. */
  readonly peopleStore: PeopleStore;
}

const PEOPLE_FLUSH_TIMEOUT_MS = 5000;

/**
 * Creates the notifier and loads the people it can notify. Doesn't start the notifier.
 *
 * @throws PS_DATA_DIR_UNUSABLE, PS_JOURNAL_UNWRITABLE; PS_UNAVAILABLE if QuestDB can't be reached
 */
export async function createNotifier(options: CreateNotifierOptions): Promise<NotifierParts> {
  const { agent, evaluator, queryClient, log, dataDir, read, audit } = options;
  const { deferredWriter, config } = agent;
  const { settings } = config;
  const linkKey = loadLinkKey(dataDir, log);
  const { add } = deferredWriter;
  const peopleStore = new PeopleStore({
    read,
    add,
    audit,
    flush: async () => deferredWriter.writer?.flush(PEOPLE_FLUSH_TIMEOUT_MS),
  });
  await peopleStore.load();
  const notifier = new Notifier({
    log,
    dataDir,
    add,
    createChannel,
    storedPeople: peopleStore,
    flush: async () => deferredWriter.writer?.flush(),
    file: settings.PERFORMANCE_NOTIFY_FILE,
    timeZone: settings.timeZone,
    alerts: createAlertLookup(evaluator, queryClient),
    repeatMs: () => evaluator.rulesFile.ruleSet.notifications.repeatMs,
    addLinks: createMessageLinker(settings.PERFORMANCE_PUBLIC_URL, linkKey, Date.now),
  });
  return { notifier, peopleStore, links: createLinkReader(linkKey) };
}
