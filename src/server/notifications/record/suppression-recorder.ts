import type { Alert } from '../../../core/alerts/alert.ts';
import type { NotificationRecorder } from './notification-recorder.ts';
import { toSuppressionRow } from './notification-recorder.ts';

interface SuppressionReason {
  readonly reason: string;
  readonly detail: string;
  readonly receiver?: string | undefined;
}

/** Records why alerts are not told, each time that the reason is another. */
export class SuppressionRecorder {
  readonly #recorder: NotificationRecorder;
  /** By alert id and what stops it. */
  readonly #last = new Map<string, Map<string, string>>();
  #seq = 0;

  constructor(recorder: NotificationRecorder) {
    this.#recorder = recorder;
  }

  /**
   * Notes all that stops an alert now.
   *
   * @param by which stages say so: their reasons of before that are not among these have ended
   */
  record(alert: Alert, by: string, reasons: readonly SuppressionReason[], now: number): void {
    const known = this.#last.get(alert.id) ?? new Map<string, string>();
    // Most alerts are looked at each second, and nothing stops them.
    if (reasons.length === 0 && !known.has(by)) return;
    const text = JSON.stringify(reasons.map(({ reason, receiver }) => [reason, receiver ?? null]));
    const before = known.get(by);
    if (before === text) return;
    const said = new Set(before === undefined ? [] : (JSON.parse(before) as unknown[]).map(String));
    for (const why of reasons) {
      if (said.has(String([why.reason, why.receiver ?? null]))) continue;
      this.#seq += 1;
      this.#recorder.record(toSuppressionRow(alert, why, this.#seq, now));
    }
    this.#last.set(alert.id, known.set(by, text));
  }

  /** Forgets all alerts but these. */
  forgetAllExcept(ids: ReadonlySet<string>): void {
    for (const id of this.#last.keys()) if (!ids.has(id)) this.#last.delete(id);
  }
}
