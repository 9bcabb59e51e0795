import type { Sql } from '../../questdb/statement.ts';
import type { Scope } from '../../schema/scope.ts';
import type { Store } from '../../windows/store.ts';
import { restoredTransition } from '../evaluate/restore.ts';
import type { Transition } from '../evaluate/transition.ts';
import { alertRows } from '../run/restore.ts';

/** Rows of one answer at most. */
const MOST_ROWS = 10_000;

/** What alerts within a scope did, the newest first. @throws PS_UNAVAILABLE */
export async function transitionsOf(
  store: Store,
  scope: Scope,
  conditions: Sql,
): Promise<Transition[]> {
  const rows = await alertRows(store, scope, conditions, MOST_ROWS);
  return rows.map(restoredTransition).filter((transition) => transition !== undefined);
}
