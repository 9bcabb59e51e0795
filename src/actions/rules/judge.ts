import { Engine, type TopLevelCondition } from 'json-rules-engine';
import type { Judgement } from './decide.ts';
import { FACT_NAMES, type FactParams, factKey } from './facts/words.ts';
import type { BusinessRule, Condition } from './rule.ts';

/** Figures of one group by `factKey`; what is not known is not there. */
export type Figures = ReadonlyMap<string, number>;

const HOLDS = 'holds';
const ENDS = 'ends';

/** Asks a rule's conditions. Made once for each rule. */
export class Judge {
  readonly #rule: BusinessRule;
  readonly #engine: Engine;
  #figures: Figures = new Map();

  constructor(rule: BusinessRule) {
    this.#rule = rule;
    const conditions = [
      { conditions: top(rule.when), event: { type: HOLDS } },
      ...(rule.until ? [{ conditions: top(rule.until), event: { type: ENDS } }] : []),
    ];
    this.#engine = new Engine(conditions, { allowUndefinedFacts: true });
    for (const fact of FACT_NAMES) {
      this.#engine.addFact(fact, (params: FactParams) =>
        this.#figures.get(factKey({ fact, params })),
      );
    }
  }

  /** @param isSet whether the rule's setting is away from its default: then `until` decides */
  async judge(figures: Figures, isSet: boolean): Promise<Judgement> {
    this.#figures = figures;
    const { events } = await this.#engine.run();
    const has = (type: string) => events.some((event) => event.type === type);
    const { until, value } = this.#rule;
    const holds = isSet && until ? !has(ENDS) : has(HOLDS);
    const followed = typeof value === 'number' ? undefined : figures.get(factKey(value));
    const wanted =
      typeof value === 'number'
        ? value
        : followed === undefined
          ? undefined
          : value.plus + value.times * followed;
    return { holds, wanted, facts: Object.fromEntries(figures) };
  }
}

/** The engine wants a list at the top. */
function top(condition: Condition): TopLevelCondition {
  const listed = 'fact' in condition ? { all: [condition] } : condition;
  // Its types are of mutable lists.
  return structuredClone(listed) as unknown as TopLevelCondition;
}
