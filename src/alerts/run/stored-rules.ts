import type { Log } from '../../log.ts';
import { ceilTo, MINUTE_MS } from '../../windows/range.ts';
import type { Store } from '../../windows/store.ts';
import { observe, type StoredRule } from '../observe/observe.ts';
import { Round } from '../observe/round.ts';
import { type Asked, ask } from './ask.ts';
import { each } from './each.ts';
import type { RuleHealthBook } from './rule-health.ts';
import type { StateBook } from './state-book.ts';

/** Questions at once; the API's readers want some of the connections too. */
const WIDTH = 3;

export interface StoredRulesOptions {
  readonly store: Store;
  readonly book: StateBook;
  readonly health: RuleHealthBook;
  readonly healthIntervalMs: number;
  readonly log: Log;
}

/** Evaluates rules whose figures are in the database. Nothing here rejects. */
export class StoredRules {
  readonly #options: StoredRulesOptions;

  constructor(options: StoredRulesOptions) {
    this.#options = options;
  }

  /** @param reachable whether the database has just answered; if not, it is not asked in vain */
  async evaluate(
    batches: readonly (readonly StoredRule[])[],
    now: number,
    reachable: boolean,
  ): Promise<void> {
    const database = { reachable };
    await each(batches, WIDTH, (rules) => this.#batch(rules, now, database));
  }

  async #batch(
    rules: readonly StoredRule[],
    now: number,
    database: { reachable: boolean },
  ): Promise<void> {
    const { store, healthIntervalMs } = this.#options;
    const measures = rules.flatMap(({ source }) => (source.kind === 'measure' ? [source] : []));
    const round = new Round(store, now, ceilTo(healthIntervalMs, MINUTE_MS), measures);
    await Promise.all(
      rules.map(async (rule) => {
        const startMs = performance.now();
        const asked: Asked = database.reachable
          ? await ask(store, () => observe(rule, round))
          : { result: 'unreachable', error: 'QuestDB does not answer' };
        // After the first question that finds no database, no other is asked in vain.
        if (asked.result === 'unreachable') database.reachable = false;
        this.#judge(rule, asked, now, performance.now() - startMs);
      }),
    );
  }

  #judge(rule: StoredRule, asked: Asked, now: number, durationMs: number): void {
    const { book, health, log } = this.#options;
    const { name } = rule;
    const answered = asked.result === 'answered';
    if (answered) book.evaluate(rule, asked.observations, now);
    const error = answered ? undefined : asked.error;
    if (asked.result === 'failed' && health.of(name)?.error !== error) {
      log.warn(`The rule ${name} could not be evaluated: ${error}`);
    }
    const groups = answered ? asked.observations.length : 0;
    health.note(name, asked.result, { error, evaluatedMs: now, durationMs, groups });
  }
}
