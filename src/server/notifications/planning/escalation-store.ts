import type { Alert } from '../../../core/alerts/alert.ts';
import type { AlertState } from '../../../core/schema/tables/alerts-table.ts';
import type { EscalationPolicy } from '../config/notification-config.ts';
import type { NotificationJournal } from '../delivery/notification-journal.ts';

/** How far an alert has been escalated. Times in ms since the epoch. */
interface EscalationState {
  /** When the alert was told first. */
  readonly startedMs: number;
  /** Levels that have been told; 0 before the first. */
  readonly level: number;
  /** When the last of them was told last, and how often it was. */
  readonly toldMs: number;
  readonly times: number;
}

export interface EscalationStep {
  /** Undefined: it has ended, because somebody has taken the alert on, or it is over. */
  readonly state: EscalationState | undefined;
  /** The level to tell now, counted from 1. */
  readonly levelToNotify: number | undefined;
}

export function createEscalationState(now: number): EscalationState {
  return { startedMs: now, level: 0, toldMs: now, times: 0 };
}

/**
 * What is due at `now`. Of several levels that are due at once, as after a restart, only the highest
 * is told: those below had their time.
 *
 * @param alertState undefined of an alert that is not known any more
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
  /** Of the group in which the alert was told. */
  readonly groupKey: string;
}

/** Alerts of one group that a level of an escalation is told of now. */
export interface DueEscalation {
  readonly groupKey: string;
  readonly receivers: readonly string[];
  readonly level: number;
  readonly alerts: readonly Alert[];
}

/** What is being escalated, kept in the journal. */
export class EscalationStore {
  readonly #journal: NotificationJournal;

  constructor(journal: NotificationJournal) {
    this.#journal = journal;
  }

  /** Begins to escalate an alert, unless that has begun. */
  start(alertId: string, escalation: string, groupKey: string, now: number): void {
    const key = toJournalKey({ alertId, escalation });
    if (this.#journal.get(key) !== undefined) return;
    const kept: StoredEscalation = { alertId, escalation, groupKey, ...createEscalationState(now) };
    this.#journal.put(key, kept);
  }

  /**
   * What is due. An alert that is held back waits; what is over, or was acknowledged, is forgotten.
   *
   * @param find undefined of an alert that does not go on
   */
  takeDue(
    policies: ReadonlyMap<string, EscalationPolicy>,
    find: (id: string) => Alert | undefined,
    isHeld: (id: string) => boolean,
    now: number,
  ): DueEscalation[] {
    const levels = new Map<string, DueEscalation & { alerts: Alert[] }>();
    for (const [key, value] of this.#journal.entries(JOURNAL_KIND)) {
      const kept = value as StoredEscalation;
      const policy = policies.get(kept.escalation);
      const alert = find(kept.alertId);
      if (policy && alert && isHeld(kept.alertId)) continue;
      const { state, levelToNotify } = policy
        ? stepEscalation(kept, policy, alert?.state, now)
        : { state: undefined, levelToNotify: undefined };
      if (!state) this.#journal.delete(key);
      else if (levelToNotify !== undefined) this.#journal.put(key, { ...kept, ...state });
      const receivers = policy?.levels[(levelToNotify ?? 0) - 1]?.receivers;
      if (!alert || levelToNotify === undefined || !receivers) continue;
      const { groupKey, escalation } = kept;
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
