import { rankOf } from '../../schema/severity.ts';
import type { Store } from '../../windows/store.ts';
import type { Transition } from '../evaluate/transition.ts';
import type { Labels, Rule } from '../rules/rule.ts';
import { within } from '../within.ts';
import { breachOf } from './breach.ts';
import { causeOf } from './cause.ts';

const PATIENCE_MS = 10_000;
/** In a storm the first ones explain the rest. */
const MOST_WAITING = 50;

/** Says why, after an alert has begun to fire or has become worse; the alert never waits for it. */
export class Explainer {
  readonly #store: Store;
  readonly #explain: (id: string, cause: string) => void;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(store: Store, explain: (id: string, cause: string) => void) {
    this.#store = store;
    this.#explain = explain;
  }

  consider(transition: Transition, before: Transition | undefined, rule: Rule): void {
    const { state, severity, value, timestamp, id, labels } = transition;
    const began = state === 'firing' && before?.state !== 'firing';
    const rose = before !== undefined && rankOf(severity) > rankOf(before.severity);
    const { source } = rule;
    const explainable = state !== 'resolved' && value !== undefined && source.kind === 'measure';
    if (!explainable || state === 'pending' || !(began || rose)) return;
    if (this.#waiting >= MOST_WAITING) return;
    this.#waiting += 1;
    const group = JSON.parse(labels) as Labels;
    this.#last = this.#last
      .then(async () => {
        const breach = breachOf(this.#store, source, group, value, timestamp);
        this.#explain(id, causeOf(await within(PATIENCE_MS, breach)));
      })
      .catch(() => {})
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  /** Resolves when all that was considered is explained, or has failed. */
  async settled(): Promise<void> {
    while (this.#waiting > 0) await this.#last;
  }
}
