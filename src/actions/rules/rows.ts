import type { DecisionView } from '../../schema/action-desk.ts';
import {
  DECISION_STATUSES,
  type DecisionRow,
  type DecisionStatus,
  OUTCOME_STATUSES,
  type OutcomeStatus,
} from '../../schema/rule-decisions.ts';
import type { Decision } from './decide.ts';

/** Who has decided. */
const DECIDER = 'perfscope';

export function rowOfDecision({ facts, ...decision }: Decision): DecisionRow {
  return { ...decision, author: DECIDER, facts: JSON.stringify(facts) };
}

/** What became of a decision at `author`; `reason` says why where it failed. */
export function outcomeRow(
  decision: Decision,
  author: string,
  { status, reason }: { readonly status: OutcomeStatus; readonly reason: string },
  now: number,
): DecisionRow {
  const row = rowOfDecision(decision);
  return { ...row, timestamp: Math.max(now, decision.timestamp + 1), author, status, reason };
}

/** @returns undefined for what is none of ours */
export function viewOfRow(row: DecisionRow): DecisionView | undefined {
  const { timestamp, id, seq, rule, event, setting, status, author, value, previous } = row;
  const known = id !== undefined && rule !== undefined && setting !== undefined;
  if (!known || seq === undefined || value === undefined || !isStatus(status)) return undefined;
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
    facts: factsOf(row.facts),
    reason: row.reason ?? '',
    expiresAt: row.expiresAt === undefined ? undefined : new Date(row.expiresAt),
    dryRun: row.dryRun === true,
    organizationId: row.organizationId,
    propertyId: row.propertyId,
  };
}

export function viewOf({ timestamp, expiresAt, ...decision }: Decision): DecisionView {
  const { organizationId, propertyId } = decision;
  return {
    ...decision,
    organizationId,
    propertyId,
    at: new Date(timestamp),
    author: DECIDER,
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
  };
}

/** The decision that a view shows; undefined where it shows what became of one. */
export function decisionOf({ at, author: _, status, ...view }: DecisionView): Decision | undefined {
  if (!isDecision(status)) return undefined;
  return { ...view, status, timestamp: at.getTime(), expiresAt: view.expiresAt?.getTime() };
}

function isDecision(status: string): status is DecisionStatus {
  return DECISION_STATUSES.includes(status as DecisionStatus);
}

function isStatus(status: string | undefined): status is DecisionStatus | OutcomeStatus {
  if (status === undefined) return false;
  return isDecision(status) || OUTCOME_STATUSES.includes(status as OutcomeStatus);
}

function factsOf(text: string | undefined): Record<string, number> {
  try {
    return JSON.parse(text ?? '{}') as Record<string, number>;
  } catch {
    return {};
  }
}
