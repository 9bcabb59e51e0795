import type { Agent } from '../../agent/agent.ts';
import type { Logger } from '../../core/log.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import type { ReadRows } from '../../storage/questdb/questdb-reader.ts';
import type { AuditLogger } from '../access/audit-logger.ts';
import { AlertEvaluator, type AlertEvaluatorOptions } from '../alerts/alert-evaluator.ts';
import { createAlertLookup } from '../alerts/service/alert-service.ts';
import { withAlertErrorRows } from '../error-tracking/alert-error-row.ts';
import { createExternalChannel } from '../notifications/channels/channel-resolver.ts';
import {
  createLinkReader,
  createMessageLinker,
  loadLinkKey,
} from '../notifications/message/signed-links.ts';
import type { LinkVerifier } from '../notifications/notification-views.ts';
import { Notifier } from '../notifications/notifier.ts';
import { PeopleStore } from '../notifications/people/people-store.ts';

/**
 * The evaluator of alert rules with the parts of a server. It has not begun.
 *
 * @param hears who is told of what it finds
 */
export function createAlertEvaluator(
  monitor: Agent,
  store: QueryClient,
  log: Logger,
  hears: Pick<AlertEvaluatorOptions, 'notify' | 'onEvaluated'>,
): AlertEvaluator {
  const { deferredWriter: outlet, config: started } = monitor;
  const { settings, resource: origin } = started;
  return new AlertEvaluator({
    queryClient: store,
    settings,
    log,
    add: withAlertErrorRows(outlet.add),
    ...hears,
    flush: async () => outlet.writer?.flush(),
    pipelineStats: () => ({
      service: origin.service,
      instance: origin.instance,
      spoolBytes: outlet.writer?.spoolBytes ?? 0,
      droppedRows: monitor.droppedRows.total,
    }),
    rulesFile: settings.PERFORMANCE_RULES_FILE,
    heartbeatUrl: settings.PERFORMANCE_HEARTBEAT_URL,
    healthIntervalMs: settings.SYSTEM_HEALTH_INTERVAL,
  });
}

export interface CreateNotifierOptions {
  readonly agent: Agent;
  readonly evaluator: AlertEvaluator;
  readonly queryClient: QueryClient;
  readonly log: Logger;
  readonly dataDir: string;
  /** Over a connection that no slow query holds up. */
  readonly read: ReadRows;
  readonly audit: AuditLogger;
}

export interface NotifierParts {
  readonly notifier: Notifier;
  readonly links: LinkVerifier;
  /** People of the API, as they are now; `watch` keeps them up to date. */
  readonly peopleStore: PeopleStore;
}

const PEOPLE_FLUSH_TIMEOUT_MS = 5000;

/**
 * Who tells of what the evaluator finds, with the parts of a server. It has not begun.
 *
 * @throws PS_DATA_DIR_UNUSABLE, PS_JOURNAL_UNWRITABLE; PS_UNAVAILABLE when QuestDB does not answer
 */
export async function createNotifier(options: CreateNotifierOptions): Promise<NotifierParts> {
  const { agent: monitor, evaluator, queryClient: store, log, dataDir, read, audit } = options;
  const { deferredWriter: outlet, config: started } = monitor;
  const { settings } = started;
  const key = loadLinkKey(dataDir);
  const { add } = outlet;
  const book = new PeopleStore({
    read,
    add,
    audit,
    flush: async () => outlet.writer?.flush(PEOPLE_FLUSH_TIMEOUT_MS),
  });
  await book.load();
  const notifier = new Notifier({
    log,
    dataDir,
    add,
    open: createExternalChannel,
    storedPeople: book,
    flush: async () => outlet.writer?.flush(),
    file: settings.PERFORMANCE_NOTIFY_FILE,
    timeZone: settings.PERFORMANCE_TIME_ZONE,
    alerts: createAlertLookup(evaluator, store),
    repeatMs: () => evaluator.rulesFile.ruleSet.notifications.repeatMs,
    withLinks: createMessageLinker(settings.PERFORMANCE_PUBLIC_URL, key, Date.now),
  });
  return { notifier, peopleStore: book, links: createLinkReader(key) };
}
