import { Evaluator, type EvaluatorOptions } from './alerts/evaluator.ts';
import { withAlertEntries } from './error-tracking/alert-entry.ts';
import type { Log } from './log.ts';
import type { Monitor } from './monitor.ts';
import type { Store } from './windows/store.ts';

/**
 * The evaluator of alert rules with the parts of a server. It has not begun.
 *
 * @param hears who is told of what it finds
 */
export function openEvaluator(
  monitor: Monitor,
  store: Store,
  log: Log,
  hears: Pick<EvaluatorOptions, 'tell' | 'looked'>,
): Evaluator {
  const { outlet, started } = monitor;
  const { settings, origin } = started;
  return new Evaluator({
    store,
    settings,
    log,
    add: withAlertEntries(outlet.add),
    ...hears,
    flush: async () => outlet.writer?.flush(),
    road: () => ({
      service: origin.service,
      instance: origin.instance,
      spoolBytes: outlet.writer?.spoolBytes ?? 0,
      droppedRows: monitor.dropped.total,
    }),
    rulesFile: settings.PERFORMANCE_RULES_FILE,
    heartbeatUrl: settings.PERFORMANCE_HEARTBEAT_URL,
    healthIntervalMs: settings.SYSTEM_HEALTH_INTERVAL,
  });
}
