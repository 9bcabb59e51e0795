import { createHash } from 'node:crypto';
import type { DecisionStatus } from '../../../core/schema/tables/rule-decisions-table.ts';
import type { BusinessRule, RuleLimits } from './business-rule.ts';

/** Whom a decision is for; without names, everybody. */
export interface Tenant {
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
}

/** One step of a rule's setting for one tenant. Times in ms since the epoch. */
export interface Decision extends Tenant {
  readonly timestamp: number;
  readonly id: string;
  /** Counts the decisions of one id from 1. */
  readonly seq: number;
  readonly rule: string;
  readonly event: string;
  readonly setting: string;
  readonly status: DecisionStatus;
  readonly value: number;
  readonly previous: number;
  readonly defaultValue: number;
  readonly facts: Readonly<Record<string, number>>;
  /** In words and figures. */
  readonly reason: string;
  /** When the default counts again by itself; undefined where it counts already. */
  readonly expiresAt: number | undefined;
  readonly dryRun: boolean;
}

/** What is known of a rule's setting for one tenant. */
export interface SettingState {
  /** The last decision; undefined before the first. */
  readonly last: Decision | undefined;
  /** When it was changed within the limit's time, oldest first. */
  readonly changes: readonly number[];
}

export const INITIAL_SETTING_STATE: SettingState = { last: undefined, changes: [] };

/** What the figures of a window say. */
export interface RuleEvaluation {
  readonly holds: boolean;
  /** What the rule wants where it holds; undefined where a fact of it is not known. */
  readonly wantedValue: number | undefined;
  readonly facts: Readonly<Record<string, number>>;
}

export interface SettingStep {
  readonly state: SettingState;
  /** Undefined where nothing changes. */
  readonly decision: Decision | undefined;
}

/**
 * The next step of a setting: pure, so that live evaluation, tests and dry runs are the same. It moves
 * towards what is wanted within the rule's limits, is renewed while it is not at its default and the
 * rule holds, and falls back to the default at once when it has expired.
 *
 * @param judgement undefined: nothing is known, and only what has expired changes
 */
export function decideSetting(
  rule: BusinessRule,
  tenant: Tenant,
  state: SettingState,
  judgement: RuleEvaluation | undefined,
  now: number,
): SettingStep {
  const { defaultValue, limits } = rule;
  const { last } = state;
  const isSet = last?.expiresAt !== undefined;
  const from = isSet ? last.value : defaultValue;
  const changes = state.changes.filter((ms) => ms > now - limits.perMs);
  const told = (status: DecisionStatus, value: number, why: string): SettingStep =>
    createSettingStep(
      rule,
      tenant,
      { last, changes },
      { status, value, previous: from, why, evaluation: judgement },
      now,
    );
  if (isSet && now >= last.expiresAt) return told('expired', defaultValue, 'it was not renewed');
  if (!judgement) return { state: { last, changes }, decision: undefined };
  const target = computeTargetValue(rule, judgement);
  const next = computeNextValue(from, target, rule);
  const why = judgement.holds ? 'the rule holds' : 'the rule does not hold any more';
  if (next !== from && !isChangeLimited(rule, changes, now)) {
    return told(next === defaultValue ? 'reset' : 'set', next, why);
  }
  const goesOn = isSet && judgement.holds && last.expiresAt - now <= rule.expiresAfterMs / 2;
  return goesOn ? told('renewed', from, why) : { state: { last, changes }, decision: undefined };
}

function computeTargetValue(
  { limits, defaultValue }: BusinessRule,
  { holds, wantedValue: wanted }: RuleEvaluation,
): number {
  return holds && wanted !== undefined ? clampToLimits(limits, wanted) : defaultValue;
}

/** Limits are kept whatever the rounding says. */
function clampToLimits({ min, max, round }: RuleLimits, value: number): number {
  return Math.min(max, Math.max(min, roundFloat(Math.round(value / round) * round)));
}

function computeNextValue(
  from: number,
  target: number,
  { limits, defaultValue }: BusinessRule,
): number {
  const { step } = limits;
  if (Math.abs(target - from) <= step) return target;
  const stepped = roundFloat(from + Math.sign(target - from) * step);
  // A limit that the file has made narrower since counts at once.
  return target === defaultValue ? stepped : Math.min(limits.max, Math.max(limits.min, stepped));
}

/** 0.1 + 0.2 is 0.3 to people. */
function roundFloat(value: number): number {
  return Number(value.toPrecision(12));
}

function isChangeLimited(
  { coolDownMs, limits }: BusinessRule,
  changes: readonly number[],
  now: number,
): boolean {
  const latest = changes.at(-1);
  const cools = latest !== undefined && now - latest < coolDownMs;
  return cools || changes.length >= limits.changes;
}

interface DecisionChange {
  readonly status: DecisionStatus;
  readonly value: number;
  readonly previous: number;
  readonly why: string;
  readonly evaluation: RuleEvaluation | undefined;
}

function createSettingStep(
  rule: BusinessRule,
  tenant: Tenant,
  { last, changes }: SettingState,
  { status, value, previous, why, evaluation: judgement }: DecisionChange,
  now: number,
): SettingStep {
  const timestamp = Math.max(now, (last?.timestamp ?? 0) + 1);
  const goesOn = last?.expiresAt !== undefined;
  const ends = status === 'reset' || status === 'expired';
  const facts = judgement?.facts ?? {};
  const decision: Decision = {
    timestamp,
    rule: rule.name,
    event: rule.event,
    setting: rule.setting,
    status,
    id: goesOn ? last.id : computeDecisionId(rule.name, tenant, timestamp),
    seq: goesOn ? last.seq + 1 : 1,
    value,
    previous,
    defaultValue: rule.defaultValue,
    facts,
    reason: formatReason(rule, { status, value, previous, why }, facts),
    expiresAt: ends ? undefined : timestamp + rule.expiresAfterMs,
    dryRun: rule.dryRun,
    organizationId: tenant.organizationId,
    propertyId: tenant.propertyId,
  };
  const isChange = status === 'set' || status === 'reset';
  return {
    state: { last: decision, changes: isChange ? [...changes, timestamp] : changes },
    decision,
  };
}

function formatReason(
  { setting }: BusinessRule,
  { status, value, previous, why }: Pick<DecisionChange, 'status' | 'value' | 'previous' | 'why'>,
  facts: Readonly<Record<string, number>>,
): string {
  const change = status === 'renewed' ? `stays ${value}` : `${previous} → ${value}`;
  const figures = Object.entries(facts).map(
    ([name, figure]) => `${name} is ${Number(figure.toPrecision(4))}`,
  );
  return [`${setting} ${change}, because ${why}`, figures.join(', ')].filter(Boolean).join(': ');
}

function computeDecisionId(
  rule: string,
  { organizationId, propertyId }: Tenant,
  startedMs: number,
): string {
  const key = JSON.stringify([rule, organizationId ?? null, propertyId ?? null, startedMs]);
  return createHash('sha1').update(key).digest('hex').slice(0, 24);
}

/** What a setting's tenant is known by. */
export function toTenantKey({ organizationId, propertyId }: Tenant): string {
  return JSON.stringify([organizationId ?? null, propertyId ?? null]);
}

/** Brings a setting back whose rule is no more, or sets it no more. */
export function toRuleRemovedDecision(last: Decision, now: number): Decision {
  const { setting, value, defaultValue } = last;
  return {
    ...toFollowingDecision(last, now),
    status: 'reset',
    value: defaultValue,
    facts: {},
    expiresAt: undefined,
    reason: `${setting} ${value} → ${defaultValue}, because its rule was removed`,
  };
}

/**
 * Says once more, under a number of its own, what is stored: another server has decided something else
 * at the same moment, and whoever heard of the one that was overwritten must hear what counts.
 */
export function toConfirmedDecision(stored: Decision, now: number): Decision {
  const { setting, value, expiresAt } = stored;
  return {
    ...toFollowingDecision(stored, now),
    status: expiresAt === undefined ? 'reset' : 'renewed',
    reason: `${setting} stays ${value}, because two servers decided at once and this is what counts`,
  };
}

function toFollowingDecision(last: Decision, now: number): Decision {
  const timestamp = Math.max(now, last.timestamp + 1);
  return { ...last, timestamp, seq: last.seq + 1, previous: last.value };
}
