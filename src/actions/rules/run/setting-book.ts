import type { DecisionView } from '../../../schema/action-desk.ts';
import {
  type Decision,
  decide,
  type Judgement,
  retire,
  type SettingState,
  type Tenant,
  tenantKey,
  UNTOUCHED,
} from '../decide.ts';
import { decisionOf } from '../rows.ts';
import type { BusinessRule } from '../rule.ts';

/** Where the settings of all rules stand, for each tenant. */
export class SettingBook {
  /** By rule (a dry run is another one) and tenant. */
  readonly #states = new Map<string, Map<string, SettingState>>();

  /** @param judgement undefined: nothing is known at the moment */
  decide(
    rule: BusinessRule,
    tenant: Tenant,
    judgement: Judgement | undefined,
    now: number,
  ): Decision | undefined {
    const states = this.#of(ruleKey(rule));
    const key = tenantKey(tenant);
    const step = decide(rule, tenant, states.get(key) ?? UNTOUCHED, judgement, now);
    // What was never touched needs no memory, however many tenants there are.
    if (step.state.last) states.set(key, step.state);
    return step.decision;
  }

  isSet(rule: BusinessRule, tenant: Tenant): boolean {
    const last = this.#of(ruleKey(rule)).get(tenantKey(tenant))?.last;
    return last?.expiresAt !== undefined;
  }

  /** Tenants whose setting is away from its default. */
  set(rule: BusinessRule): Tenant[] {
    return [...this.#of(ruleKey(rule)).values()].flatMap(({ last }) =>
      last?.expiresAt === undefined ? [] : tenantOf(last),
    );
  }

  /** The last decision of each setting that is away from its default. */
  *current(): Iterable<Decision> {
    for (const states of this.#states.values()) {
      for (const { last } of states.values()) if (last?.expiresAt !== undefined) yield last;
    }
  }

  /** Ends what other rules than these have set. @returns the decisions that do */
  keep(rules: readonly BusinessRule[], now: number): Decision[] {
    const keys = new Set(rules.map(ruleKey));
    const others = [...this.#states].filter(([key]) => !keys.has(key));
    return others.flatMap(([key, states]) => {
      this.#states.delete(key);
      return [...states.values()].flatMap(({ last }) =>
        last?.expiresAt === undefined ? [] : retire(last, now),
      );
    });
  }

  /** Takes over what was decided before, in any order. */
  restore(rows: readonly DecisionView[]): void {
    const decisions = rows.flatMap((row) => decisionOf(row) ?? []);
    for (const decision of decisions.sort((a, b) => a.timestamp - b.timestamp)) {
      const states = this.#of(ruleKey({ name: decision.rule, dryRun: decision.dryRun }));
      const key = tenantKey(decision);
      const { changes } = states.get(key) ?? UNTOUCHED;
      const isChange = decision.status === 'set' || decision.status === 'reset';
      states.set(key, {
        last: decision,
        changes: isChange ? [...changes, decision.timestamp] : changes,
      });
    }
  }

  #of(key: string): Map<string, SettingState> {
    const states = this.#states.get(key) ?? new Map<string, SettingState>();
    this.#states.set(key, states);
    return states;
  }
}

function ruleKey({ name, dryRun }: Pick<BusinessRule, 'name' | 'dryRun'>): string {
  return `${name} ${dryRun}`;
}

function tenantOf({ organizationId, propertyId }: Tenant): Tenant {
  return { organizationId, propertyId };
}
