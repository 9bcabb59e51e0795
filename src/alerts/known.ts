import { sql } from '../questdb/statement.ts';
import { EVERYTHING } from '../schema/scope.ts';
import type { Store } from '../windows/store.ts';
import { restoredTransition } from './evaluate/restore.ts';
import type { Transition } from './evaluate/transition.ts';
import type { Evaluator } from './evaluator.ts';
import { type Alert, presentAlert } from './present.ts';
import type { Held } from './quiet/held.ts';
import { alertRows } from './run/restore.ts';

/** What whoever tells of alerts asks about them. */
export interface KnownAlerts {
  /** Whether what was before the start is known again. */
  readonly isRestored: boolean;
  /** Undefined of one that does not go on. */
  find(id: string): Alert | undefined;
  heldOf(id: string): readonly Held[];
  /** The last that is stored of an alert, whatever became of it. @throws PS_UNAVAILABLE */
  stored(id: string): Promise<Alert | undefined>;
}

export function knownAlerts(evaluator: Evaluator, store: Store): KnownAlerts {
  const present = (transition: Transition, value?: number) =>
    presentAlert(transition, evaluator.ruleNamed(transition.rule), value);
  return {
    get isRestored() {
      return evaluator.isRestored;
    },
    find(id) {
      const live = evaluator.book.find(id);
      return live && present(live.transition, live.value);
    },
    heldOf: (id) => evaluator.quiet.heldOf(id),
    async stored(id) {
      const [row] = await alertRows(store, EVERYTHING, sql`id = ${id}`, 1);
      const transition = row && restoredTransition(row);
      return transition && present(transition);
    },
  };
}
