import type { DecisionView } from '../action-views.ts';
import type { BusinessRule } from './business-rule.ts';
import {
  type Decision,
  decideSetting,
  INITIAL_SETTING_STATE,
  type RuleEvaluation,
  type SettingState,
  type Tenant,
  toConfirmedDecision,
  toRuleRemovedDecision,
  toTenantKey,
} from './setting-decision.ts';
import { toDecision } from './stored-decisions.ts';

/** What rows brought that was not known here. */
export interface MergeResult {
  /** Decisions of others that count now, oldest first. */
  readonly received: readonly Decision[];
  /** To be told because another server has overwritten what this one told. */
  readonly confirmed: readonly Decision[];
}

/** Where the settings of all rules stand, for each tenant. */
export class SettingStore {
  /** By rule (a dry run is another one) and tenant. */
  readonly #states = new Map<string, Map<string, SettingState>>();

  /** @param judgement undefined: nothing is known at the moment */
  decide(
    rule: BusinessRule,
    tenant: Tenant,
    judgement: RuleEvaluation | undefined,
    now: number,
  ): Decision | undefined {
    const states = this.#getStates(toRuleKey(rule));
    const key = toTenantKey(tenant);
    const step = decideSetting(
      rule,
      tenant,
      states.get(key) ?? INITIAL_SETTING_STATE,
      judgement,
      now,
    );
    // What was never touched needs no memory, however many tenants there are.
    if (step.state.last) states.set(key, step.state);
    return step.decision;
  }

  isSet(rule: BusinessRule, tenant: Tenant): boolean {
    const last = this.#getStates(toRuleKey(rule)).get(toTenantKey(tenant))?.last;
    return last?.expiresAt !== undefined;
  }

  /** Tenants whose setting is away from its default. */
  listSetTenants(rule: BusinessRule): Tenant[] {
    return [...this.#getStates(toRuleKey(rule)).values()].flatMap(({ last }) =>
      last?.expiresAt === undefined ? [] : toTenant(last),
    );
  }

  /** The last decision of each setting, also of those that are at their default again. */
  *lastDecisions(): Iterable<Decision> {
    for (const states of this.#states.values()) {
      for (const { last } of states.values()) if (last) yield last;
    }
  }

  /** Ends what other rules than these have set. @returns the decisions that do */
  resetRemovedRules(rules: readonly BusinessRule[], now: number): Decision[] {
    const keys = new Set(rules.map(toRuleKey));
    const others = [...this.#states].filter(([key]) => !keys.has(key));
    return others.flatMap(([, states]) =>
      [...states].flatMap(([key, { last, changes }]) => {
        if (last?.expiresAt === undefined) return [];
        const retired = toRuleRemovedDecision(last, now);
        states.set(key, { last: retired, changes });
        return retired;
      }),
    );
  }

  /** Takes over what this or another server has stored, in any order. */
  merge(rows: readonly DecisionView[], now: number): MergeResult {
    const heard: Decision[] = [];
    const confirmed: Decision[] = [];
    const decisions = rows.flatMap((row) => toDecision(row) ?? []);
    for (const decision of decisions.sort((a, b) => a.timestamp - b.timestamp || a.seq - b.seq)) {
      const states = this.#getStates(toRuleKey({ name: decision.rule, dryRun: decision.dryRun }));
      const key = toTenantKey(decision);
      const { last, changes } = states.get(key) ?? INITIAL_SETTING_STATE;
      const isChange = decision.status === 'set' || decision.status === 'reset';
      const all = isChange ? toSortedUnique([...changes, decision.timestamp]) : changes;
      const isSame = last?.id === decision.id && last.seq === decision.seq;
      if (isSame && (last.value !== decision.value || last.status !== decision.status)) {
        const again = toConfirmedDecision(decision, now);
        confirmed.push(again);
        states.set(key, { last: again, changes: all });
      } else if (!isSame && isLater(decision, last)) {
        heard.push(decision);
        states.set(key, { last: decision, changes: all });
      } else if (last) states.set(key, { last, changes: all });
    }
    return { received: heard, confirmed };
  }

  #getStates(key: string): Map<string, SettingState> {
    const states = this.#states.get(key) ?? new Map<string, SettingState>();
    this.#states.set(key, states);
    return states;
  }
}

function toSortedUnique(times: readonly number[]): number[] {
  return [...new Set(times)].sort((a, b) => a - b);
}

function isLater({ timestamp, id, seq }: Decision, last: Decision | undefined): boolean {
  return !last || timestamp > last.timestamp || (id === last.id && seq > last.seq);
}

function toRuleKey({ name, dryRun }: Pick<BusinessRule, 'name' | 'dryRun'>): string {
  return `${name} ${dryRun}`;
}

function toTenant({ organizationId, propertyId }: Tenant): Tenant {
  return { organizationId, propertyId };
}
