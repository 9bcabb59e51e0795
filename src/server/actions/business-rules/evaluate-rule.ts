import { Engine, type TopLevelCondition } from 'json-rules-engine';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import {
  type BusinessRule,
  type Condition,
  FACT_NAMES,
  type FactParams,
  toFactKey,
} from './business-rule.ts';
import { queryTenantFacts } from './fact-queries.ts';
import type { BusinessRules } from './load-business-rules.ts';
import { type Decision, type RuleEvaluation, toTenantKey } from './setting-decision.ts';
import { SettingStore } from './setting-store.ts';

/** Figures of one group by `factKey`; what is not known is not there. */
export type FactValues = ReadonlyMap<string, number>;

const HOLDS_EVENT = 'holds';
const ENDS_EVENT = 'ends';

/** Asks a rule's conditions. Made once for each rule. */
export class ConditionEvaluator {
  readonly #rule: BusinessRule;
  readonly #engine: Engine;
  #values: FactValues = new Map();

  constructor(rule: BusinessRule) {
    this.#rule = rule;
    const conditions = [
      { conditions: toTopLevelCondition(rule.when), event: { type: HOLDS_EVENT } },
      ...(rule.until
        ? [{ conditions: toTopLevelCondition(rule.until), event: { type: ENDS_EVENT } }]
        : []),
    ];
    this.#engine = new Engine(conditions, { allowUndefinedFacts: true });
    for (const fact of FACT_NAMES) {
      this.#engine.addFact(fact, (params: FactParams) =>
        this.#values.get(toFactKey({ fact, params })),
      );
    }
  }

  /** @param isSet whether the rule's setting is away from its default: then `until` decides */
  async evaluate(figures: FactValues, isSet: boolean): Promise<RuleEvaluation> {
    this.#values = figures;
    const { events } = await this.#engine.run();
    const has = (type: string) => events.some((event) => event.type === type);
    const { until, value } = this.#rule;
    const holds = isSet && until ? !has(ENDS_EVENT) : has(HOLDS_EVENT);
    const followed = typeof value === 'number' ? undefined : figures.get(toFactKey(value));
    const wanted =
      typeof value === 'number'
        ? value
        : followed === undefined
          ? undefined
          : value.plus + value.times * followed;
    return { holds, wantedValue: wanted, facts: Object.fromEntries(figures) };
  }
}

/** The engine wants a list at the top. */
function toTopLevelCondition(condition: Condition): TopLevelCondition {
  const listed = 'fact' in condition ? { all: [condition] } : condition;
  // Its types are of mutable lists.
  return structuredClone(listed) as unknown as TopLevelCondition;
}

const conditionEvaluators = new WeakMap<BusinessRule, ConditionEvaluator>();

/**
 * Evaluates one rule for all its tenants: those that have figures, and those whose setting is away from
 * its default.
 *
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG; nothing is decided then
 */
export async function evaluateRule(
  store: QueryClient,
  rule: BusinessRule,
  book: SettingStore,
  now: number,
): Promise<Decision[]> {
  const found = await queryTenantFacts(store, rule, now);
  const seen = new Set(found.map(({ tenant }) => toTenantKey(tenant)));
  const gone = book.listSetTenants(rule).filter((tenant) => !seen.has(toTenantKey(tenant)));
  const judge = conditionEvaluators.get(rule) ?? new ConditionEvaluator(rule);
  conditionEvaluators.set(rule, judge);
  const decisions: Decision[] = [];
  for (const { tenant, values: figures } of [
    ...found,
    ...gone.map((tenant) => ({ tenant, values: new Map<string, number>() })),
  ]) {
    const judgement = await judge.evaluate(figures, book.isSet(rule, tenant));
    const decision = book.decide(rule, tenant, judgement, now);
    if (decision) decisions.push(decision);
  }
  return decisions;
}

/** Nothing is known: what has expired falls back, and all else stays. */
export function expireSettings(rule: BusinessRule, book: SettingStore, now: number): Decision[] {
  return book
    .listSetTenants(rule)
    .flatMap((tenant) => book.decide(rule, tenant, undefined, now) ?? []);
}

export interface DryRunRange {
  readonly fromMs: number;
  readonly toMs: number;
  /** Time between two evaluations. */
  readonly stepMs: number;
}

/** Evaluations of a dry run, unless somebody wants more. */
const DEFAULT_STEPS = 288;

/** A step that takes some minutes at most, and in which no decision expires unseen. */
export function computeDryRunStepMs(
  { intervalMs, rules }: BusinessRules,
  lengthMs: number,
): number {
  const shortest = Math.min(...rules.map(({ expiresAfterMs }) => expiresAfterMs / 3));
  return Math.max(intervalMs, Math.min(lengthMs / DEFAULT_STEPS, shortest));
}

/**
 * What rules would have decided in a time, from what is stored: the same evaluation as on the server,
 * from settings that are at their defaults. Nothing is written or told.
 *
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function* dryRunRules(
  store: QueryClient,
  rules: BusinessRules['rules'],
  { fromMs, toMs, stepMs }: DryRunRange,
): AsyncGenerator<Decision> {
  const book = new SettingStore();
  for (let now = fromMs; now <= toMs; now += stepMs) {
    for (const rule of rules) yield* await evaluateRule(store, rule, book, Math.round(now));
  }
}
