import type { AlertRule } from '../rules/alert-rule.ts';

/** The worst value of each firing alert, in memory. A restart restores it from the transitions. */
export class WorstValueStore {
  readonly #byAlert = new Map<string, number>();

  /** Records a value of a firing alert. */
  record(id: string, value: number | undefined, direction: AlertRule['direction']): void {
    if (value === undefined || Number.isNaN(value)) return;
    const worst = this.#byAlert.get(id) ?? value;
    const choose = direction === 'above' ? Math.max : Math.min;
    this.#byAlert.set(id, choose(worst, value));
  }

  get(id: string): number | undefined {
    return this.#byAlert.get(id);
  }

  /** Removes all alerts except these. */
  retainOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#byAlert.keys()) if (!ids.has(id)) this.#byAlert.delete(id);
  }
}
