import { createHash } from 'node:crypto';
import type { DecisionStatus } from '../../../core/schema/tables/rule-decisions-table.ts';
import type { BusinessRule, RuleLimits } from './business-rule.ts';

/** The tenant that a decision applies to. Without IDs, the decision applies to all tenants. */
export interface Tenant {
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
}

/** A change or renewal of a rule's setting for one tenant. Times are in ms since the epoch. */
export interface Decision extends Tenant {
  readonly timestamp: number;
  readonly id: string;
  /** Position among the decisions with the same ID, from 1. */
  readonly seq: number;
  readonly rule: string;
  readonly event: string;
  readonly setting: string;
  readonly status: DecisionStatus;
  readonly value: number;
  readonly previous: number;
  readonly defaultValue: number;
  readonly facts: Readonly<Record<string, number>>;
  /** Explanation with the fact values. */
  readonly reason: string;
  /**
   * Time at which the setting returns to its default. Undefined if the setting has its default
   * value.
   */
  readonly expiresAt: number | undefined;
  readonly dryRun: boolean;
}

/** The state of a rule's setting for one tenant. */
export interface SettingState {
  /** The last decision; undefined before the first decision. */
  readonly last: Decision | undefined;
  /** Times of the changes within `limits.perMs`, oldest first. */
  readonly changes: readonly number[];
}

export const INITIAL_SETTING_STATE: SettingState = { last: undefined, changes: [] };

/** The result of evaluating a rule's conditions. */
export interface RuleEvaluation {
  readonly holds: boolean;
  /** The value to set if the rule holds. Undefined if a fact that it depends on is unknown. */
  readonly targetValue: number | undefined;
  readonly facts: Readonly<Record<string, number>>;
}

export interface SettingStep {
  readonly state: SettingState;
  /** Undefined if nothing changes. */
  readonly decision: Decision | undefined;
}

/**
 * Decides the next value of a setting. Moves the setting within the limits, toward the rule's
 * target while the rule holds, and otherwise toward the default. Renews the setting while the rule
 * holds, and resets it when the last decision expires. This function is pure, so live evaluation,
 * tests, and dry runs give the same results.
 *
 * @param evaluation undefined if no facts are available; then only an expired setting changes
 */
export function decideSetting(
  rule: BusinessRule,
  tenant: Tenant,
  state: SettingState,
  evaluation: RuleEvaluation | undefined,
  now: number,
): SettingStep {
  const { defaultValue, limits } = rule;
  const { last } = state;
  const isSet = last?.expiresAt !== undefined;
  const currentValue = isSet ? last.value : defaultValue;
  const changes = state.changes.filter((ms) => ms > now - limits.perMs);
  const decide = (status: DecisionStatus, value: number, why: string): SettingStep =>
    createSettingStep(
      rule,
      tenant,
      { last, changes },
      { status, value, previous: currentValue, why, evaluation },
      now,
    );
  if (isSet && now >= last.expiresAt) return decide('expired', defaultValue, 'it was not renewed');
  if (!evaluation) return { state: { last, changes }, decision: undefined };
  const target = computeTargetValue(rule, evaluation);
  const next = computeNextValue(currentValue, target, rule);
  const why = evaluation.holds ? 'the condition is met' : 'the condition is not met';
  if (next !== currentValue && !isChangeLimited(rule, changes, now)) {
    return decide(next === defaultValue ? 'reset' : 'set', next, why);
  }
  const needsRenewal = isSet && evaluation.holds && last.expiresAt - now <= rule.expiresAfterMs / 2;
  if (needsRenewal) return decide('renewed', currentValue, why);
  return { state: { last, changes }, decision: undefined };
}

function computeTargetValue(
  { limits, defaultValue }: BusinessRule,
  { holds, targetValue }: RuleEvaluation,
): number {
  return holds && targetValue !== undefined ? clampToLimits(limits, targetValue) : defaultValue;
}

/** Rounds a value. Clamps after rounding, so the result never exceeds the limits. */
function clampToLimits({ min, max, round }: RuleLimits, value: number): number {
  return Math.min(max, Math.max(min, roundFloat(Math.round(value / round) * round)));
}

function computeNextValue(
  currentValue: number,
  target: number,
  { limits, defaultValue }: BusinessRule,
): number {
  const { step } = limits;
  if (Math.abs(target - currentValue) <= step) return target;
  const stepped = roundFloat(currentValue + Math.sign(target - currentValue) * step);
  // If the file now has narrower limits, they apply immediately.
  return target === defaultValue ? stepped : Math.min(limits.max, Math.max(limits.min, stepped));
}

/** Removes floating-point errors, so that 0.1 + 0.2 is 0.3. */
function roundFloat(value: number): number {
  return Number(value.toPrecision(12));
}

function isChangeLimited(
  { coolDownMs, limits }: BusinessRule,
  changes: readonly number[],
  now: number,
): boolean {
  const latest = changes.at(-1);
  const isCoolingDown = latest !== undefined && now - latest < coolDownMs;
  return isCoolingDown || changes.length >= limits.changes;
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
  { status, value, previous, why, evaluation }: DecisionChange,
  now: number,
): SettingStep {
  const timestamp = Math.max(now, (last?.timestamp ?? 0) + 1);
  const isSet = last?.expiresAt !== undefined;
  const ends = status === 'reset' || status === 'expired';
  const facts = evaluation?.facts ?? {};
  const decision: Decision = {
    timestamp,
    rule: rule.name,
    event: rule.event,
    setting: rule.setting,
    status,
    id: isSet ? last.id : computeDecisionId(rule.name, tenant, timestamp),
    seq: isSet ? last.seq + 1 : 1,
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
  const factTexts = Object.entries(facts).map(
    ([name, value]) => `${name} is ${Number(value.toPrecision(4))}`,
  );
  return [`${setting} ${change}, because ${why}`, factTexts.join(', ')].filter(Boolean).join(': ');
}

function computeDecisionId(
  rule: string,
  { organizationId, propertyId }: Tenant,
  startedMs: number,
): string {
  const key = JSON.stringify([rule, organizationId ?? null, propertyId ?? null, startedMs]);
  return createHash('sha1').update(key).digest('hex').slice(0, 24);
}

/** Returns a map key for a tenant. */
export function toTenantKey({ organizationId, propertyId }: Tenant): string {
  return JSON.stringify([organizationId ?? null, propertyId ?? null]);
}

/** Returns the decision that resets a setting whose rule was removed or no longer sets it. */
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
 * Returns a decision with a new `seq` that repeats the stored decision. Needed after two servers
 * made different decisions at the same moment, because subscribers might have received the
 * overwritten decision.
 */
export function toConfirmedDecision(stored: Decision, now: number): Decision {
  const { setting, value, expiresAt } = stored;
  return {
    ...toFollowingDecision(stored, now),
    status: expiresAt === undefined ? 'reset' : 'renewed',
    reason: `${setting} stays ${value}, because two servers decided at the same time and this value was stored last`,
  };
}

function toFollowingDecision(last: Decision, now: number): Decision {
  const timestamp = Math.max(now, last.timestamp + 1);
  return { ...last, timestamp, seq: last.seq + 1, previous: last.value };
}
