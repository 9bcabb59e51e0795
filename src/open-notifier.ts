import type { Evaluator } from './alerts/evaluator.ts';
import { knownAlerts } from './alerts/known.ts';
import type { Log } from './log.ts';
import type { Monitor } from './monitor.ts';
import { linkKey } from './notify/links/key.ts';
import { linkReader } from './notify/links/link.ts';
import { linksBy } from './notify/links/links.ts';
import { Notifier } from './notify/notifier.ts';
import { openEntry } from './notify/open-entry.ts';
import type { LinkReader } from './schema/notification-desk.ts';
import type { Store } from './windows/store.ts';

export interface OpenNotifierOptions {
  readonly monitor: Monitor;
  readonly evaluator: Evaluator;
  readonly store: Store;
  readonly log: Log;
  readonly dataDir: string;
}

/**
 * Who tells of what the evaluator finds, with the parts of a server. It has not begun.
 *
 * @throws PS_DATA_DIR_UNUSABLE, PS_JOURNAL_UNWRITABLE
 */
export function openNotifier({ monitor, evaluator, store, log, dataDir }: OpenNotifierOptions): {
  readonly notifier: Notifier;
  readonly links: LinkReader;
} {
  const { outlet, started } = monitor;
  const { settings } = started;
  const key = linkKey(dataDir);
  const notifier = new Notifier({
    ...{ log, dataDir, add: outlet.add, open: openEntry },
    flush: async () => outlet.writer?.flush(),
    file: settings.PERFORMANCE_NOTIFY_FILE,
    timeZone: settings.PERFORMANCE_TIME_ZONE,
    alerts: knownAlerts(evaluator, store),
    repeatMs: () => evaluator.rules.set.notifications.repeatMs,
    withLinks: linksBy(settings.PERFORMANCE_PUBLIC_URL, key, Date.now),
  });
  return { notifier, links: linkReader(key) };
}
