import { setTimeout as delay } from 'node:timers/promises';
import { createError } from '../../../core/errors.ts';
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
import type { Decision } from './setting-decision.ts';

/** Who has decided. */
const DECISION_AUTHOR = 'perfscope';

export function toDecisionRow({ facts, ...decision }: Decision): RuleDecisionRow {
  return { ...decision, author: DECISION_AUTHOR, facts: JSON.stringify(facts) };
}

/** What became of a decision at `author`; `reason` says why where it failed. */
export function toOutcomeRow(
  decision: Decision,
  author: string,
  { status, reason }: { readonly status: DecisionOutcomeStatus; readonly reason: string },
  now: number,
): RuleDecisionRow {
  const row = toDecisionRow(decision);
  return { ...row, timestamp: Math.max(now, decision.timestamp + 1), author, status, reason };
}

/** @returns undefined for what is none of ours */
function parseDecisionRow(row: RuleDecisionRow): DecisionView | undefined {
  const { timestamp, id, seq, rule, event, setting, status, author, value, previous } = row;
  const known = id !== undefined && rule !== undefined && setting !== undefined;
  if (!known || seq === undefined || value === undefined || !isDecisionOrOutcomeStatus(status))
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

/** The decision that a view shows; undefined where it shows what became of one. */
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

/** Rows that a start reads at most; of a rule's limits no more than this is remembered. */
const MAX_DECISION_ROWS = 100_000;

/** Decisions and what became of them, the newest first. @throws PS_UNAVAILABLE */
export function readDecisions(
  store: QueryClient,
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
  return readDecisionRows(store, scope, conditions, limit);
}

/** All that is known since `sinceMs`, the newest first. @throws PS_UNAVAILABLE */
function readRecentDecisions(store: QueryClient, sinceMs: number): Promise<DecisionView[]> {
  return readDecisionRows(
    store,
    UNRESTRICTED_SCOPE,
    [sql`timestamp > ${new Date(sinceMs)}`],
    MAX_DECISION_ROWS,
  );
}

async function readDecisionRows(
  store: QueryClient,
  scope: TenantScope,
  conditions: readonly Sql[],
  limit: number,
): Promise<DecisionView[]> {
  const rows = await store.read(
    scope,
    sql`SELECT * ${fromTable('rule_decisions')} AND ${joinSql(conditions, ' AND ')}
      ORDER BY timestamp DESC, id DESC, seq DESC LIMIT ${limit}`,
  );
  return rows.flatMap((row) => parseDecisionRow(toTableRow(ruleDecisionsTable, row)) ?? []);
}

/** How long a start waits, within one attempt, until what was sent can be read. */
const READABLE_TIMEOUT_MS = 5000;
const POLL_INTERVAL_MS = 100;
const DAY_MS = 86_400_000;
/** Rows of other servers that come later than this are heard of at the next start. */
const LATE_ROWS_MS = 600_000;

/** What is stored of decisions: at first all that still matters, then what has come since. */
export class DecisionRestorer {
  readonly #store: QueryClient;
  readonly #flush: () => Promise<void>;
  #readMs: number | undefined;

  /** @param flush sends what the process before this one has left in the spool */
  constructor(store: QueryClient, flush: () => Promise<void>) {
    this.#store = store;
    this.#flush = flush;
  }

  /** Whether what was decided before the start is known. */
  get isDone(): boolean {
    return this.#readMs !== undefined;
  }

  /**
   * @param spanMs how far back rules look; a day at least is read
   * @throws PS_UNAVAILABLE, PS_FLUSH_TIMEOUT; whoever decided then might decide twice
   */
  async readDecisions(now: number, spanMs: number): Promise<readonly DecisionView[]> {
    let sinceMs = now - Math.max(DAY_MS, spanMs);
    if (this.#readMs === undefined) {
      await this.#flush();
      await this.#waitUntilReadable();
    } else sinceMs = this.#readMs - LATE_ROWS_MS;
    const rows = await readRecentDecisions(this.#store, sinceMs);
    this.#readMs = now;
    return rows;
  }

  /** QuestDB acknowledges rows before readers see them. */
  async #waitUntilReadable(): Promise<void> {
    const deadline = Date.now() + READABLE_TIMEOUT_MS;
    let wanted: number | undefined;
    for (;;) {
      const [row] = await this.#store.read(
        UNRESTRICTED_SCOPE,
        sql`SELECT writerTxn AS applied, sequencerTxn AS written FROM wal_tables() WHERE name = ${ruleDecisionsTable.name}`,
      );
      wanted ??= Number(row?.written ?? 0);
      if (Number(row?.applied ?? 0) >= wanted) return;
      if (Date.now() > deadline) {
        throw createError('PS_UNAVAILABLE', { reason: `${ruleDecisionsTable.name} lags behind` });
      }
      await delay(POLL_INTERVAL_MS);
    }
  }
}
