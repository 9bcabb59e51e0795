import { type AlertSummary, isActive, type Suppression } from '../../../core/alerts/alert.ts';
import type { SuppressionResult } from './evaluate-suppressions.ts';

interface HeldAlert {
  /** Time of the last evaluation in which the alert was suppressed, in ms since the epoch. */
  readonly suppressedMs: number;
  readonly suppression: Suppression;
}

/**
 * Keeps an alert suppressed after a silence or an inhibition has ended, until an evaluation confirms that
 * its value is still beyond a threshold. In the meantime, the alert might have recovered and continue to
 * fire only because of `keepFiringFor`.
 */
export class HeldAlerts {
  #held: ReadonlyMap<string, HeldAlert> = new Map();

  /**
   * Adds a suppression to the alerts that aren't confirmed yet.
   *
   * @param results all alerts with their suppressions at `now`
   * @param breaches time of the last evaluation in which the value was beyond a threshold, by alert ID
   */
  update<A extends AlertSummary>(
    results: readonly SuppressionResult<A>[],
    breaches: ReadonlyMap<string, number | undefined>,
    now: number,
  ): SuppressionResult<A>[] {
    const held = new Map<string, HeldAlert>();
    const updated = results.map((result): SuppressionResult<A> => {
      const { alert, suppressions } = result;
      const { id } = alert;
      if (!isActive(alert)) return result;
      const [suppression] = suppressions;
      if (suppression) {
        held.set(id, { suppressedMs: now, suppression });
        return result;
      }
      const before = this.#held.get(id);
      if (!before) return result;
      const breachedMs = breaches.get(id);
      if (breachedMs !== undefined && breachedMs > before.suppressedMs) return result;
      held.set(id, before);
      return { alert, suppressions: [toWaiting(before.suppression)] };
    });
    this.#held = held;
    return updated;
  }
}

function toWaiting({ reason, by, detail }: Suppression): Suppression {
  return { reason, by, detail: `${detail} (ended, waiting for new data)`, untilMs: undefined };
}
