import type { KnownAlert } from '../alert.ts';
import type { Journal } from '../deliver/journal.ts';
import type { Escalation } from '../plan/plan.ts';
import { beginEscalating, type Escalating, stepEscalation } from './escalation.ts';

const KIND = 'e';
const PREFIX = `${KIND}:`;

interface Kept extends Escalating {
  readonly alertId: string;
  readonly escalation: string;
  /** Of the group in which the alert was told. */
  readonly groupKey: string;
}

/** Alerts of one group that a level of an escalation is told of now. */
export interface DueLevel {
  readonly groupKey: string;
  readonly receivers: readonly string[];
  readonly level: number;
  readonly alerts: readonly KnownAlert[];
}

/** What is being escalated, kept in the journal. */
export class Escalations {
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Begins to escalate an alert, unless that has begun. */
  begin(alertId: string, escalation: string, groupKey: string, now: number): void {
    const key = keyOf({ alertId, escalation });
    if (this.#journal.get(key) !== undefined) return;
    const kept: Kept = { alertId, escalation, groupKey, ...beginEscalating(now) };
    this.#journal.put(key, kept);
  }

  /**
   * What is due. An alert that is held back waits; what is over, or was acknowledged, is forgotten.
   *
   * @param find undefined of an alert that does not go on
   */
  due(
    policies: ReadonlyMap<string, Escalation>,
    find: (id: string) => KnownAlert | undefined,
    isHeld: (id: string) => boolean,
    now: number,
  ): DueLevel[] {
    const levels = new Map<string, DueLevel & { alerts: KnownAlert[] }>();
    for (const [key, value] of this.#journal.entries(KIND)) {
      const kept = value as Kept;
      const policy = policies.get(kept.escalation);
      const alert = find(kept.alertId);
      if (policy && alert && isHeld(kept.alertId)) continue;
      const { state, tell } = policy
        ? stepEscalation(kept, policy, alert?.state, now)
        : { state: undefined, tell: undefined };
      if (!state) this.#journal.drop(key);
      else if (tell !== undefined) this.#journal.put(key, { ...kept, ...state });
      const receivers = policy?.levels[(tell ?? 0) - 1]?.receivers;
      if (!alert || tell === undefined || !receivers) continue;
      const { groupKey, escalation } = kept;
      const name = JSON.stringify([groupKey, escalation, tell]);
      const due = levels.get(name) ?? { groupKey, receivers, level: tell, alerts: [] };
      due.alerts.push(alert);
      levels.set(name, due);
    }
    return [...levels.values()];
  }
}

function keyOf({ alertId, escalation }: { alertId: string; escalation: string }): string {
  return PREFIX + JSON.stringify([alertId, escalation]);
}
