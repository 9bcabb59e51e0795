import type { AlertDesk } from '../../schema/alert-desk.ts';
import type { Store } from '../../windows/store.ts';
import type { Evaluator } from '../evaluator.ts';
import { alertsDesk } from './alerts.ts';
import { rulesDesk } from './rules.ts';
import { silencesDesk } from './silences.ts';

/** Reads and acts on what an evaluator knows. */
export function alertDesk(evaluator: Evaluator, store: Store): AlertDesk {
  return {
    ...alertsDesk(evaluator, store),
    ...rulesDesk(evaluator, store),
    ...silencesDesk(evaluator),
  };
}
