import type { RuleOutcome } from '../evaluate/unavailable.ts';

/** How the last evaluation of a rule went. Times in ms. */
export interface RuleHealth extends RuleOutcome {
  readonly error: string | undefined;
  readonly evaluatedMs: number;
  readonly durationMs: number;
  readonly groups: number;
}

/** The last evaluation of each rule, and how many there were. */
export class RuleHealthBook {
  readonly #last = new Map<string, RuleHealth>();
  evaluations = 0;
  failures = 0;

  note(
    rule: string,
    result: RuleOutcome['result'],
    more: Omit<RuleHealth, 'rule' | 'result' | 'failures'>,
  ): void {
    const before = this.#last.get(rule)?.failures ?? 0;
    // While the database is away nothing new is known of the rule itself.
    const failures = result === 'failed' ? before + 1 : result === 'answered' ? 0 : before;
    this.evaluations += 1;
    if (result !== 'answered') this.failures += 1;
    this.#last.set(rule, { rule, result, failures, ...more });
  }

  of(rule: string): RuleHealth | undefined {
    return this.#last.get(rule);
  }

  get all(): readonly RuleHealth[] {
    return [...this.#last.values()];
  }

  /** Forgets rules that are no more. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#last.keys()) if (!names.has(name)) this.#last.delete(name);
  }
}
