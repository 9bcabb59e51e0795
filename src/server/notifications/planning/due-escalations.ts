import type { Alert } from '../../../core/alerts/alert.ts';
import type { AlertState } from '../../../core/schema/tables/alerts-table.ts';
import type { EscalationPolicy } from '../config/notification-config.ts';
import type { JournalEntries } from '../delivery/notification-journal.ts';

/**
 * Progress of an escalation. Times are in ms since the epoch. The state is stored in the journal, so
 * field names must not change.
 */
interface EscalationState {
  /** When the first message about the alert was sent. Until then, when the escalation was added. */
  readonly startedMs: number;
  /** The last level that was notified. 0 before the first. */
  readonly level: number;
  /** When `level` was last notified. */
  readonly toldMs: number;
  /** Number of times `level` was notified. */
  readonly times: number;
}

export interface EscalationStep {
  /** Undefined if the escalation ended because the alert was acknowledged or resolved. */
  readonly state: EscalationState | undefined;
  /** The level to notify now. The first level is 1. */
  readonly levelToNotify: number | undefined;
}

export function createEscalationState(now: number): EscalationState {
  return { startedMs: now, level: 0, toldMs: now, times: 0 };
}

/**
 * Computes the next step of an escalation. If several levels are due, for example after a restart,
 * only the highest is notified.
 *
 * @param alertState undefined if the alert no longer exists
 */
export function stepEscalation(
  state: EscalationState,
  { levels }: EscalationPolicy,
  alertState: AlertState | undefined,
  now: number,
): EscalationStep {
  if (alertState !== 'firing') return { state: undefined, levelToNotify: undefined };
  const due = levels.findLastIndex(({ afterMs }) => now >= state.startedMs + afterMs) + 1;
  if (due > state.level) {
    return { state: { ...state, level: due, toldMs: now, times: 1 }, levelToNotify: due };
  }
  const current = levels[state.level - 1];
  if (!current?.repeatMs || now < state.toldMs + current.repeatMs)
    return { state, levelToNotify: undefined };
  if (current.times !== undefined && state.times >= current.times) {
    return { state, levelToNotify: undefined };
  }
  return { state: { ...state, toldMs: now, times: state.times + 1 }, levelToNotify: state.level };
}

const JOURNAL_KIND = 'e';
const JOURNAL_PREFIX = `${JOURNAL_KIND}:`;

interface StoredEscalation extends EscalationState {
  readonly alertId: string;
  readonly escalation: string;
  /** Group of the alert's first message. */
  readonly groupKey: string;
  /** Whether the alert waits for its first message. The time of the levels hasn't started. */
  readonly isWaiting?: boolean | undefined;
}

/** The alerts of a group to send to one escalation level. */
export interface DueEscalation {
  readonly groupKey: string;
  readonly receivers: readonly string[];
  readonly level: number;
  readonly alerts: readonly Alert[];
}

/** Running escalations. They are stored in the journal. */
export class EscalationStore {
  readonly #journal: JournalEntries;

  constructor(journal: JournalEntries) {
    this.#journal = journal;
  }

  /**
   * Adds an escalation of an alert, unless the alert already has it. The time of its levels starts
   * after the first message about the alert.
   */
  start(alertId: string, escalation: string, groupKey: string, now: number): void {
    const key = toJournalKey({ alertId, escalation });
    if (this.#journal.get(key) !== undefined) return;
    const started: StoredEscalation = {
      alertId,
      escalation,
      groupKey,
      ...createEscalationState(now),
      isWaiting: true,
    };
    this.#journal.put(key, started);
  }

  /**
   * Returns the levels that are due and updates their state. Removes the escalations of acknowledged
   * and resolved alerts.
   *
   * @param findAlert returns `undefined` for an alert that is not active
   * @param isSuppressed whether the alert's escalations must wait
   * @param waitsForMessage whether no message about the alert has been sent yet
   */
  takeDue(
    policies: ReadonlyMap<string, EscalationPolicy>,
    findAlert: (id: string) => Alert | undefined,
    isSuppressed: (id: string) => boolean,
    waitsForMessage: (id: string) => boolean,
    now: number,
  ): DueEscalation[] {
    const levels = new Map<string, DueEscalation & { alerts: Alert[] }>();
    for (const [key, value] of this.#journal.entries(JOURNAL_KIND)) {
      const { isWaiting = false, ...stored } = value as StoredEscalation;
      const policy = policies.get(stored.escalation);
      const alert = findAlert(stored.alertId);
      if (policy && alert && isSuppressed(stored.alertId)) continue;
      if (isWaiting && policy && alert?.state === 'firing') {
        if (waitsForMessage(stored.alertId)) continue;
        this.#journal.put(key, { ...stored, ...createEscalationState(now) });
        continue;
      }
      const { state, levelToNotify } = policy
        ? stepEscalation(stored, policy, alert?.state, now)
        : { state: undefined, levelToNotify: undefined };
      if (!state) this.#journal.delete(key);
      else if (levelToNotify !== undefined) this.#journal.put(key, { ...stored, ...state });
      const receivers = policy?.levels[(levelToNotify ?? 0) - 1]?.receivers;
      if (!alert || levelToNotify === undefined || !receivers) continue;
      const { groupKey, escalation } = stored;
      const name = JSON.stringify([groupKey, escalation, levelToNotify]);
      const due = levels.get(name) ?? { groupKey, receivers, level: levelToNotify, alerts: [] };
      due.alerts.push(alert);
      levels.set(name, due);
    }
    return [...levels.values()];
  }
}

function toJournalKey({ alertId, escalation }: { alertId: string; escalation: string }): string {
  return JOURNAL_PREFIX + JSON.stringify([alertId, escalation]);
}
