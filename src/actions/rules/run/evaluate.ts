import type { Store } from '../../../windows/store.ts';
import { type Decision, tenantKey } from '../decide.ts';
import { figuresOf } from '../facts/facts.ts';
import { Judge } from '../judge.ts';
import type { BusinessRule } from '../rule.ts';
import type { SettingBook } from './setting-book.ts';

const judges = new WeakMap<BusinessRule, Judge>();

/**
 * Evaluates one rule for all its tenants: those that have figures, and those whose setting is away from
 * its default.
 *
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG; nothing is decided then
 */
export async function evaluate(
  store: Store,
  rule: BusinessRule,
  book: SettingBook,
  now: number,
): Promise<Decision[]> {
  const found = await figuresOf(store, rule, now);
  const seen = new Set(found.map(({ tenant }) => tenantKey(tenant)));
  const gone = book.set(rule).filter((tenant) => !seen.has(tenantKey(tenant)));
  const judge = judges.get(rule) ?? new Judge(rule);
  judges.set(rule, judge);
  const decisions: Decision[] = [];
  for (const { tenant, figures } of [
    ...found,
    ...gone.map((tenant) => ({ tenant, figures: new Map<string, number>() })),
  ]) {
    const judgement = await judge.judge(figures, book.isSet(rule, tenant));
    const decision = book.decide(rule, tenant, judgement, now);
    if (decision) decisions.push(decision);
  }
  return decisions;
}

/** Nothing is known: what has expired falls back, and all else stays. */
export function expire(rule: BusinessRule, book: SettingBook, now: number): Decision[] {
  return book.set(rule).flatMap((tenant) => book.decide(rule, tenant, undefined, now) ?? []);
}
