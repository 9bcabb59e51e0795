import { batchesOf, type InternalRule, isStored, type StoredRule } from '../observe/observe.ts';
import type { Rule } from '../rules/rule.ts';

/** Rules that are asked together, or all those about Perfscope itself. */
export type Part = readonly StoredRule[] | 'internal';

/** The rules that run, in the parts in which they are evaluated. */
export interface RulePlan {
  readonly parts: readonly Part[];
  readonly byName: ReadonlyMap<string, Rule>;
  readonly internal: readonly InternalRule[];
  readonly stored: readonly StoredRule[];
}

export function planOf(rules: readonly Rule[]): RulePlan {
  const stored = rules.filter(isStored);
  return {
    parts: [...batchesOf(stored), 'internal'],
    byName: new Map(rules.map((rule) => [rule.name, rule])),
    internal: rules.filter((rule): rule is InternalRule => !isStored(rule)),
    stored,
  };
}

export function rulesIn(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + (part === 'internal' ? 1 : part.length), 0);
}
