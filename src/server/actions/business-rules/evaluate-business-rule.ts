import { Engine, type TopLevelCondition } from 'json-rules-engine';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import {
  type BusinessRule,
  type Condition,
  FACT_NAMES,
  type FactParams,
  type FactValues,
  toFactKey,
} from './business-rule.ts';
import { type Decision, type RuleEvaluation, toTenantKey } from './decide-setting.ts';
import { queryTenantFacts } from './fact-queries.ts';
import type { BusinessRules } from './load-business-rules.ts';
import { SettingStore } from './setting-store.ts';

const WHEN_MET_EVENT = 'when-met';
const UNTIL_MET_EVENT = 'until-met';

/**
 * Evaluates the conditions of one rule. Reuse the evaluator, because creating its engine is
 * expensive.
 */
export class ConditionEvaluator {
  readonly #rule: BusinessRule;
  readonly #engine: Engine;
  #values: FactValues = new Map();

  constructor(rule: BusinessRule) {
    this.#rule = rule;
    const conditions = [
      { conditions: toTopLevelCondition(rule.when), event: { type: WHEN_MET_EVENT } },
      ...(rule.until
        ? [{ conditions: toTopLevelCondition(rule.until), event: { type: UNTIL_MET_EVENT } }]
        : []),
    ];
    this.#engine = new Engine(conditions, { allowUndefinedFacts: true });
    for (const fact of FACT_NAMES) {
      this.#engine.addFact(fact, (params: FactParams) =>
        this.#values.get(toFactKey({ fact, params })),
      );
    }
  }

  /** @param isSet whether the setting differs from its default; if so, `until` ends the rule */
  async evaluate(values: FactValues, isSet: boolean): Promise<RuleEvaluation> {
    this.#values = values;
    const { events } = await this.#engine.run();
    const isMet = (type: string) => events.some((event) => event.type === type);
    const holds = isSet && this.#rule.until ? !isMet(UNTIL_MET_EVENT) : isMet(WHEN_MET_EVENT);
    const targetValue = computeRuleValue(this.#rule, values);
    return { holds, targetValue, facts: Object.fromEntries(values) };
  }
}

/** @returns undefined if the fact that the value depends on is unknown */
function computeRuleValue({ value }: BusinessRule, values: FactValues): number | undefined {
  if (typeof value === 'number') return value;
  const factValue = values.get(toFactKey(value));
  return factValue === undefined ? undefined : value.plus + value.times * factValue;
}

/** Wraps a single comparison in a list, because the engine requires a list at the top level. */
function toTopLevelCondition(condition: Condition): TopLevelCondition {
  const topLevel = 'fact' in condition ? { all: [condition] } : condition;
  // The engine's types require mutable lists.
  return structuredClone(topLevel) as unknown as TopLevelCondition;
}

const conditionEvaluators = new WeakMap<BusinessRule, ConditionEvaluator>();

/**
 * Evaluates one rule for all tenants that have facts or whose setting differs from its default.
 *
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG; no decision is made in these cases
 */
export async function evaluateBusinessRule(
  queryClient: QueryClient,
  rule: BusinessRule,
  settings: SettingStore,
  now: number,
): Promise<Decision[]> {
  const tenantFacts = await queryTenantFacts(queryClient, rule, now);
  const tenantsWithFacts = new Set(tenantFacts.map(({ tenant }) => toTenantKey(tenant)));
  const tenantsWithoutFacts = settings
    .listSetTenants(rule)
    .filter((tenant) => !tenantsWithFacts.has(toTenantKey(tenant)));
  const evaluator = conditionEvaluators.get(rule) ?? new ConditionEvaluator(rule);
  conditionEvaluators.set(rule, evaluator);
  const decisions: Decision[] = [];
  for (const { tenant, values } of [
    ...tenantFacts,
    ...tenantsWithoutFacts.map((tenant) => ({ tenant, values: new Map<string, number>() })),
  ]) {
    const evaluation = await evaluator.evaluate(values, settings.isSet(rule, tenant));
    const decision = settings.decide(rule, tenant, evaluation, now);
    if (decision) decisions.push(decision);
  }
  return decisions;
}

/** Resets expired settings when no facts are available. Other settings don't change. */
export function expireSettings(
  rule: BusinessRule,
  settings: SettingStore,
  now: number,
): Decision[] {
  return settings
    .listSetTenants(rule)
    .flatMap((tenant) => settings.decide(rule, tenant, undefined, now) ?? []);
}

export interface DryRunRange {
  readonly fromMs: number;
  readonly toMs: number;
  /** Time between two evaluations. */
  readonly stepMs: number;
}

/** Default number of evaluations in a dry run. */
const DEFAULT_STEPS = 288;

/**
 * Returns a step that is long enough to finish a dry run within a few minutes, but short enough to
 * renew decisions.
 */
export function computeDryRunStepMs(
  { intervalMs, rules }: BusinessRules,
  lengthMs: number,
): number {
  const maxStepMs = Math.min(...rules.map(({ expiresAfterMs }) => expiresAfterMs / 3));
  return Math.max(intervalMs, Math.min(lengthMs / DEFAULT_STEPS, maxStepMs));
}

/**
 * Yields the decisions that the rules would have made in a time range, based on stored data. Uses the
 * same evaluation as the server, and starts with all settings at their defaults. Writes nothing and
 * notifies no one.
 *
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function* dryRunRules(
  queryClient: QueryClient,
  rules: BusinessRules['rules'],
  { fromMs, toMs, stepMs }: DryRunRange,
): AsyncGenerator<Decision> {
  const settings = new SettingStore();
  for (let now = fromMs; now <= toMs; now += stepMs) {
    for (const rule of rules) {
      yield* await evaluateBusinessRule(queryClient, rule, settings, Math.round(now));
    }
  }
}
