import type { Alert } from '../../../core/alerts/alert.ts';
import type { NotificationRecorder } from './notification-recorder.ts';
import { toSuppressionRow } from './notification-recorder.ts';

interface SuppressionReason {
  readonly reason: string;
  readonly detail: string;
  readonly receiver?: string | undefined;
}

/** Records why alerts are not sent, each time the reason changes. */
export class SuppressionRecorder {
  readonly #recorder: NotificationRecorder;
  /** Last recorded reasons, as JSON, by alert id and stage. */
  readonly #last = new Map<string, Map<string, string>>();
  #seq = 0;

  constructor(recorder: NotificationRecorder) {
    this.#recorder = recorder;
  }

  /**
   * Records the current reasons of one stage. Only new reasons write a row.
   *
   * @param stage where the alert was suppressed; each call replaces the stage's earlier reasons
   * @param reasons empty if the stage doesn't suppress the alert
   */
  record(alert: Alert, stage: string, reasons: readonly SuppressionReason[], now: number): void {
    const byStage = this.#last.get(alert.id) ?? new Map<string, string>();
    // Fast path: this is called for every alert each second, and most are not suppressed.
    if (reasons.length === 0 && !byStage.has(stage)) return;
    const text = JSON.stringify(reasons.map(({ reason, receiver }) => [reason, receiver ?? null]));
    const before = byStage.get(stage);
    if (before === text) return;
    const recorded = new Set(
      before === undefined ? [] : (JSON.parse(before) as unknown[]).map(String),
    );
    for (const reason of reasons) {
      if (recorded.has(String([reason.reason, reason.receiver ?? null]))) continue;
      this.#seq += 1;
      this.#recorder.record(toSuppressionRow(alert, reason, this.#seq, now));
    }
    this.#last.set(alert.id, byStage.set(stage, text));
  }

  /** Removes all alerts except these. */
  forgetAllExcept(ids: ReadonlySet<string>): void {
    for (const id of this.#last.keys()) if (!ids.has(id)) this.#last.delete(id);
  }
}
