import type { InternalWatch } from '../observe/internal.ts';
import type { RuleHealthBook } from './rule-health.ts';
import type { RulePlan } from './rule-plan.ts';
import type { StateBook } from './state-book.ts';

export interface InternalRulesOptions {
  readonly watch: InternalWatch;
  readonly book: StateBook;
  readonly health: RuleHealthBook;
}

/** Evaluates the rules about Perfscope itself, by how the others went among other things. */
export async function evaluateInternal(
  { watch, book, health }: InternalRulesOptions,
  { internal, stored }: RulePlan,
  now: number,
): Promise<void> {
  const startMs = performance.now();
  const asked = new Set(stored.map(({ name }) => name));
  const figures = await watch.look(
    health.all.filter(({ rule }) => asked.has(rule)),
    now,
  );
  const durationMs = performance.now() - startMs;
  for (const rule of internal) {
    const observations = figures[rule.source.figure];
    // What only the database knows stays as it is while that is away.
    if (!observations) continue;
    book.evaluate(rule, observations, now);
    const { length: groups } = observations;
    const more = { error: undefined, evaluatedMs: now, durationMs, groups };
    health.note(rule.name, 'answered', more);
  }
}
