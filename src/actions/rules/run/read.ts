import { from, isOneOf, joined, type Sql, sql } from '../../../questdb/statement.ts';
import type { DecisionFilter, DecisionView } from '../../../schema/action-desk.ts';
import { ruleDecisions } from '../../../schema/rule-decisions.ts';
import { EVERYTHING, type Scope } from '../../../schema/scope.ts';
import { rowOf } from '../../../windows/row.ts';
import type { Store } from '../../../windows/store.ts';
import { viewOfRow } from '../rows.ts';

/** Rows that a start reads at most; of a rule's limits no more than this is remembered. */
const MOST_ROWS = 100_000;

/** Decisions and what became of them, the newest first. @throws PS_UNAVAILABLE */
export function readDecisions(
  store: Store,
  { fromMs, toMs, rule, setting, status, after, limit }: DecisionFilter,
  scope: Scope,
): Promise<DecisionView[]> {
  const conditions = [sql`timestamp >= ${new Date(fromMs)}`, sql`timestamp < ${new Date(toMs)}`];
  for (const [column, names] of Object.entries({ rule, setting, status })) {
    if (names) conditions.push(isOneOf(column, names));
  }
  if (after) {
    const at = new Date(after.atMs);
    const { id, seq } = after;
    conditions.push(
      sql`(timestamp < ${at} OR (timestamp = ${at} AND (id < ${id} OR (id = ${id} AND seq < ${seq}))))`,
    );
  }
  return read(store, scope, conditions, limit);
}

/** All that is known since `sinceMs`, the newest first. @throws PS_UNAVAILABLE */
export function recentDecisions(store: Store, sinceMs: number): Promise<DecisionView[]> {
  return read(store, EVERYTHING, [sql`timestamp > ${new Date(sinceMs)}`], MOST_ROWS);
}

async function read(
  store: Store,
  scope: Scope,
  conditions: readonly Sql[],
  limit: number,
): Promise<DecisionView[]> {
  const rows = await store.read(
    scope,
    sql`SELECT * ${from('rule_decisions')} AND ${joined(conditions, ' AND ')}
      ORDER BY timestamp DESC, id DESC, seq DESC LIMIT ${limit}`,
  );
  return rows.flatMap((row) => viewOfRow(rowOf(ruleDecisions, row)) ?? []);
}
