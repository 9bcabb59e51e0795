import type { DecisionView } from '../../../schema/action-desk.ts';
import {
  type Decision,
  decide,
  type Judgement,
  type SettingState,
  type Tenant,
  tenantKey,
  UNTOUCHED,
} from '../decide.ts';
import { confirm, retire } from '../follow-up.ts';
import { decisionOf } from '../rows.ts';
import type { BusinessRule } from '../rule.ts';

/** What rows brought that was not known here. */
export interface Merged {
  /** Decisions of others that count now, oldest first. */
  readonly heard: readonly Decision[];
  /** To be told because another server has overwritten what this one told. */
  readonly confirmed: readonly Decision[];
}

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

  /** The last decision of each setting, also of those that are at their default again. */
  *lasts(): Iterable<Decision> {
    for (const states of this.#states.values()) {
      for (const { last } of states.values()) if (last) yield last;
    }
  }

  /** Ends what other rules than these have set. @returns the decisions that do */
  keep(rules: readonly BusinessRule[], now: number): Decision[] {
    const keys = new Set(rules.map(ruleKey));
    const others = [...this.#states].filter(([key]) => !keys.has(key));
    return others.flatMap(([, states]) =>
      [...states].flatMap(([key, { last, changes }]) => {
        if (last?.expiresAt === undefined) return [];
        const retired = retire(last, now);
        states.set(key, { last: retired, changes });
        return retired;
      }),
    );
  }

  /** Takes over what this or another server has stored, in any order. */
  merge(rows: readonly DecisionView[], now: number): Merged {
    const heard: Decision[] = [];
    const confirmed: Decision[] = [];
    const decisions = rows.flatMap((row) => decisionOf(row) ?? []);
    for (const decision of decisions.sort((a, b) => a.timestamp - b.timestamp || a.seq - b.seq)) {
      const states = this.#of(ruleKey({ name: decision.rule, dryRun: decision.dryRun }));
      const key = tenantKey(decision);
      const { last, changes } = states.get(key) ?? UNTOUCHED;
      const isChange = decision.status === 'set' || decision.status === 'reset';
      const all = isChange ? inOrder([...changes, decision.timestamp]) : changes;
      const isSame = last?.id === decision.id && last.seq === decision.seq;
      if (isSame && (last.value !== decision.value || last.status !== decision.status)) {
        const again = confirm(decision, now);
        confirmed.push(again);
        states.set(key, { last: again, changes: all });
      } else if (!isSame && isLater(decision, last)) {
        heard.push(decision);
        states.set(key, { last: decision, changes: all });
      } else if (last) states.set(key, { last, changes: all });
    }
    return { heard, confirmed };
  }

  #of(key: string): Map<string, SettingState> {
    const states = this.#states.get(key) ?? new Map<string, SettingState>();
    this.#states.set(key, states);
    return states;
  }
}

function inOrder(times: readonly number[]): number[] {
  return [...new Set(times)].sort((a, b) => a - b);
}

function isLater({ timestamp, id, seq }: Decision, last: Decision | undefined): boolean {
  return !last || timestamp > last.timestamp || (id === last.id && seq > last.seq);
}

function ruleKey({ name, dryRun }: Pick<BusinessRule, 'name' | 'dryRun'>): string {
  return `${name} ${dryRun}`;
}

function tenantOf({ organizationId, propertyId }: Tenant): Tenant {
  return { organizationId, propertyId };
}
