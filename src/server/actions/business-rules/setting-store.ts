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
} from './decide-setting.ts';
import { toDecision } from './stored-decisions.ts';

/** New decisions that `merge` found in the rows. */
export interface MergeResult {
  /** Decisions of other servers, oldest first. */
  readonly received: readonly Decision[];
  /** Decisions to publish again, because another server overwrote a decision that was published here. */
  readonly confirmed: readonly Decision[];
}

/** Holds the state of each rule's setting, per tenant. */
export class SettingStore {
  /** States by rule, then by tenant. A dry run of a rule counts as a different rule. */
  readonly #states = new Map<string, Map<string, SettingState>>();

  /** @param evaluation undefined if no facts are available */
  decide(
    rule: BusinessRule,
    tenant: Tenant,
    evaluation: RuleEvaluation | undefined,
    now: number,
  ): Decision | undefined {
    const states = this.#getStates(toRuleKey(rule));
    const key = toTenantKey(tenant);
    const step = decideSetting(
      rule,
      tenant,
      states.get(key) ?? INITIAL_SETTING_STATE,
      evaluation,
      now,
    );
    // Don't keep a state for tenants whose setting never changed.
    if (step.state.last) states.set(key, step.state);
    return step.decision;
  }

  isSet(rule: BusinessRule, tenant: Tenant): boolean {
    const last = this.#getStates(toRuleKey(rule)).get(toTenantKey(tenant))?.last;
    return last?.expiresAt !== undefined;
  }

  /** Returns the tenants whose setting differs from its default. */
  listSetTenants(rule: BusinessRule): Tenant[] {
    return [...this.#getStates(toRuleKey(rule)).values()].flatMap(({ last }) =>
      last?.expiresAt === undefined ? [] : toTenant(last),
    );
  }

  /** Yields the last decision of each setting, including settings that were reset. */
  *lastDecisions(): Iterable<Decision> {
    for (const states of this.#states.values()) {
      for (const { last } of states.values()) if (last) yield last;
    }
  }

  /** Resets the settings of all rules that are not in `rules`. @returns the decisions */
  resetRemovedRules(rules: readonly BusinessRule[], now: number): Decision[] {
    const keys = new Set(rules.map(toRuleKey));
    const removed = [...this.#states].filter(([key]) => !keys.has(key));
    return removed.flatMap(([, states]) =>
      [...states].flatMap(([key, { last, changes }]) => {
        if (last?.expiresAt === undefined) return [];
        const decision = toRuleRemovedDecision(last, now);
        states.set(key, { last: decision, changes });
        return decision;
      }),
    );
  }

  /** Applies decisions that this or another server stored. Rows can be in any order. */
  merge(rows: readonly DecisionView[], now: number): MergeResult {
    const received: Decision[] = [];
    const confirmed: Decision[] = [];
    const decisions = rows.flatMap((row) => toDecision(row) ?? []);
    for (const decision of decisions.sort((a, b) => a.timestamp - b.timestamp || a.seq - b.seq)) {
      const states = this.#getStates(toRuleKey({ name: decision.rule, dryRun: decision.dryRun }));
      const key = toTenantKey(decision);
      const { last, changes } = states.get(key) ?? INITIAL_SETTING_STATE;
      const isChange = decision.status === 'set' || decision.status === 'reset';
      const allChanges = isChange ? toSortedUnique([...changes, decision.timestamp]) : changes;
      const isSame = last?.id === decision.id && last.seq === decision.seq;
      if (isSame && (last.value !== decision.value || last.status !== decision.status)) {
        const confirmation = toConfirmedDecision(decision, now);
        confirmed.push(confirmation);
        states.set(key, { last: confirmation, changes: allChanges });
      } else if (!isSame && isLater(decision, last)) {
        received.push(decision);
        states.set(key, { last: decision, changes: allChanges });
      } else if (last) states.set(key, { last, changes: allChanges });
    }
    return { received, confirmed };
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
