import type { Audit } from './access/audit.ts';
import type { Evaluator } from './alerts/evaluator.ts';
import { knownAlerts } from './alerts/known.ts';
import type { Log } from './log.ts';
import type { Monitor } from './monitor.ts';
import { linkKey } from './notify/links/key.ts';
import { linkReader } from './notify/links/link.ts';
import { linksBy } from './notify/links/links.ts';
import { Notifier } from './notify/notifier.ts';
import { openEntry } from './notify/open-entry.ts';
import { PeopleBook } from './notify/people/book.ts';
import type { Read } from './questdb/reader.ts';
import type { LinkReader } from './schema/notification-desk.ts';
import type { Store } from './windows/store.ts';

export interface OpenNotifierOptions {
  readonly monitor: Monitor;
  readonly evaluator: Evaluator;
  readonly store: Store;
  readonly log: Log;
  readonly dataDir: string;
  /** Over a connection that no slow query holds up. */
  readonly read: Read;
  readonly audit: Audit;
}

export interface OpenedNotifier {
  readonly notifier: Notifier;
  readonly links: LinkReader;
  /** People of the API, as they are now; `watch` keeps them up to date. */
  readonly book: PeopleBook;
}

const STORED_WITHIN_MS = 5000;

/**
 * Who tells of what the evaluator finds, with the parts of a server. It has not begun.
 *
 * @throws PS_DATA_DIR_UNUSABLE, PS_JOURNAL_UNWRITABLE; PS_UNAVAILABLE when QuestDB does not answer
 */
export async function openNotifier(options: OpenNotifierOptions): Promise<OpenedNotifier> {
  const { monitor, evaluator, store, log, dataDir, read, audit } = options;
  const { outlet, started } = monitor;
  const { settings } = started;
  const key = linkKey(dataDir);
  const { add } = outlet;
  const book = new PeopleBook({
    read,
    add,
    audit,
    flush: async () => outlet.writer?.flush(STORED_WITHIN_MS),
  });
  await book.load();
  const notifier = new Notifier({
    log,
    dataDir,
    add,
    open: openEntry,
    stored: book,
    flush: async () => outlet.writer?.flush(),
    file: settings.PERFORMANCE_NOTIFY_FILE,
    timeZone: settings.PERFORMANCE_TIME_ZONE,
    alerts: knownAlerts(evaluator, store),
    repeatMs: () => evaluator.rules.set.notifications.repeatMs,
    withLinks: linksBy(settings.PERFORMANCE_PUBLIC_URL, key, Date.now),
  });
  return { notifier, book, links: linkReader(key) };
}
