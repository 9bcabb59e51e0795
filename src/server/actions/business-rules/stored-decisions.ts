import { setTimeout as delay } from 'node:timers/promises';
import { DAY_MS } from '../../../core/duration.ts';
import { createError } from '../../../core/perfscope-error.ts';
import {
  DECISION_OUTCOME_STATUSES,
  DECISION_STATUSES,
  type DecisionOutcomeStatus,
  type DecisionStatus,
  type RuleDecisionRow,
  ruleDecisionsTable,
} from '../../../core/schema/tables/rule-decisions-table.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { toTableRow } from '../../../storage/queries/row-values.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromTable, inValues, joinSql, type Sql, sql } from '../../../storage/sql/sql-builder.ts';
import type { DecisionFilter, DecisionView } from '../action-views.ts';
import type { Decision } from './decide-setting.ts';

/** Author of rows that contain decisions. */
const DECISION_AUTHOR = 'perfscope';

export function toDecisionRow({ facts, ...decision }: Decision): RuleDecisionRow {
  return { ...decision, author: DECISION_AUTHOR, facts: JSON.stringify(facts) };
}

/**
 * Returns a row with the outcome of a decision as reported by `author`. `reason` explains a
 * failure.
 */
export function toOutcomeRow(
  decision: Decision,
  author: string,
  { status, reason }: { readonly status: DecisionOutcomeStatus; readonly reason: string },
  now: number,
): RuleDecisionRow {
  const row = toDecisionRow(decision);
  return { ...row, timestamp: Math.max(now, decision.timestamp + 1), author, status, reason };
}

/** @returns undefined for rows that Perfscope didn't write */
function parseDecisionRow(row: RuleDecisionRow): DecisionView | undefined {
  const { timestamp, id, seq, rule, event, setting, status, author, value, previous } = row;
  const hasKeys = id !== undefined && rule !== undefined && setting !== undefined;
  if (!hasKeys || seq === undefined || value === undefined || !isDecisionOrOutcomeStatus(status))
    return undefined;
  return {
    at: new Date(timestamp),
    id,
    seq,
    rule,
    event: event ?? rule,
    setting,
    status,
    value,
    author: author ?? '',
    previous: previous ?? value,
    defaultValue: row.defaultValue ?? value,
    facts: parseFacts(row.facts),
    reason: row.reason ?? '',
    expiresAt: row.expiresAt === undefined ? undefined : new Date(row.expiresAt),
    dryRun: row.dryRun === true,
    organizationId: row.organizationId,
    propertyId: row.propertyId,
  };
}

export function toDecisionView({ timestamp, expiresAt, ...decision }: Decision): DecisionView {
  const { organizationId, propertyId } = decision;
  return {
    ...decision,
    organizationId,
    propertyId,
    at: new Date(timestamp),
    author: DECISION_AUTHOR,
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
  };
}

/** @returns undefined if the view shows an outcome rather than a decision */
export function toDecision({ at, author: _, status, ...view }: DecisionView): Decision | undefined {
  if (!isDecisionStatus(status)) return undefined;
  return { ...view, status, timestamp: at.getTime(), expiresAt: view.expiresAt?.getTime() };
}

function isDecisionStatus(status: string): status is DecisionStatus {
  return DECISION_STATUSES.includes(status as DecisionStatus);
}

function isDecisionOrOutcomeStatus(
  status: string | undefined,
): status is DecisionStatus | DecisionOutcomeStatus {
  if (status === undefined) return false;
  return (
    isDecisionStatus(status) || DECISION_OUTCOME_STATUSES.includes(status as DecisionOutcomeStatus)
  );
}

function parseFacts(text: string | undefined): Record<string, number> {
  try {
    return JSON.parse(text ?? '{}') as Record<string, number>;
  } catch {
    return {};
  }
}

/** Maximum number of rows to read at startup. Older changes don't count toward a rule's limits. */
const MAX_DECISION_ROWS = 100_000;

/** Returns decisions and their outcomes, newest first. @throws PS_UNAVAILABLE */
export function readDecisions(
  queryClient: QueryClient,
  { fromMs, toMs, rule, setting, status, after, limit }: DecisionFilter,
  scope: TenantScope,
): Promise<DecisionView[]> {
  const conditions = [sql`timestamp >= ${new Date(fromMs)}`, sql`timestamp < ${new Date(toMs)}`];
  for (const [column, names] of Object.entries({ rule, setting, status })) {
    if (names) conditions.push(inValues(column, names));
  }
  if (after) {
    const at = new Date(after.atMs);
    const { id, seq } = after;
    conditions.push(
      sql`(timestamp < ${at} OR (timestamp = ${at} AND (id < ${id} OR (id = ${id} AND seq < ${seq}))))`,
    );
  }
  return readDecisionRows(queryClient, scope, conditions, limit);
}

/** Returns all decisions and outcomes since `sinceMs`, newest first. @throws PS_UNAVAILABLE */
function readRecentDecisions(queryClient: QueryClient, sinceMs: number): Promise<DecisionView[]> {
  return readDecisionRows(
    queryClient,
    UNRESTRICTED_SCOPE,
    [sql`timestamp > ${new Date(sinceMs)}`],
    MAX_DECISION_ROWS,
  );
}

async function readDecisionRows(
  queryClient: QueryClient,
  scope: TenantScope,
  conditions: readonly Sql[],
  limit: number,
): Promise<DecisionView[]> {
  const rows = await queryClient.read(
    scope,
    sql`SELECT * ${fromTable('rule_decisions')} AND ${joinSql(conditions, ' AND ')}
      ORDER BY timestamp DESC, id DESC, seq DESC LIMIT ${limit}`,
  );
  return rows.flatMap((row) => parseDecisionRow(toTableRow(ruleDecisionsTable, row)) ?? []);
}

/** Maximum time for which one attempt waits until flushed rows are readable. */
const READABLE_TIMEOUT_MS = 5000;
const POLL_INTERVAL_MS = 100;
/** If another server's rows arrive later than this, they are read only after the next restart. */
const LATE_ROWS_MS = 600_000;

/** Reads stored decisions: first all relevant decisions, then only new decisions. */
export class DecisionRestorer {
  readonly #queryClient: QueryClient;
  readonly #flush: () => Promise<void>;
  #readMs: number | undefined;

  /** @param flush sends the rows that the previous process left in the spool */
  constructor(queryClient: QueryClient, flush: () => Promise<void>) {
    this.#queryClient = queryClient;
    this.#flush = flush;
  }

  /** Whether decisions from before startup have been read. */
  get isDone(): boolean {
    return this.#readMs !== undefined;
  }

  /**
   * @param spanMs the longest time that a rule looks back; at least one day is read
   * @throws PS_UNAVAILABLE, PS_FLUSH_TIMEOUT; in that case, make no decision, because it could be a
   *   duplicate
   */
  async readDecisions(now: number, spanMs: number): Promise<readonly DecisionView[]> {
    let sinceMs = now - Math.max(DAY_MS, spanMs);
    if (this.#readMs === undefined) {
      await this.#flush();
      await this.#waitUntilReadable();
    } else sinceMs = this.#readMs - LATE_ROWS_MS;
    const rows = await readRecentDecisions(this.#queryClient, sinceMs);
    this.#readMs = now;
    return rows;
  }

  /** Waits until all rows are readable. QuestDB acknowledges rows before they are readable. */
  async #waitUntilReadable(): Promise<void> {
    const deadline = Date.now() + READABLE_TIMEOUT_MS;
    let targetTransaction: number | undefined;
    for (;;) {
      const [row] = await this.#queryClient.read(
        UNRESTRICTED_SCOPE,
        sql`SELECT writerTxn AS applied, sequencerTxn AS written FROM wal_tables() WHERE name = ${ruleDecisionsTable.name}`,
      );
      targetTransaction ??= Number(row?.written ?? 0);
      if (Number(row?.applied ?? 0) >= targetTransaction) return;
      if (Date.now() > deadline) {
        throw createError('PS_UNAVAILABLE', {
          reason: `QuestDB has not applied all rows to ${ruleDecisionsTable.name} yet`,
        });
      }
      await delay(POLL_INTERVAL_MS);
    }
  }
}
