import type { Distribution } from '../../histogram/distribution.ts';
import { EVERYTHING } from '../../schema/scope.ts';
import type { Dimension } from '../../windows/dimensions.ts';
import { distributions } from '../../windows/distributions.ts';
import { type Figures, figures, together } from '../../windows/figures.ts';
import { type JobTotals, jobTotals } from '../../windows/jobs.ts';
import { keyOf, type Question } from '../../windows/question.ts';
import { HOUR_MS, lastOf } from '../../windows/range.ts';
import type { Store } from '../../windows/store.ts';
import { conditionsOf } from '../../windows/totals.ts';
import { type Uptime, uptime } from '../../windows/uptime.ts';
import type { Measure } from '../rules/rule.ts';

/** Groups of one rule at most: with more, who wrote the rule is told, and no part of it is judged. */
const MOST_GROUPS = 10_000;

/** Of longer windows most is in roll-ups by the hour, which stay as they are for as long. */
const KEPT_FROM_MS = 6 * HOUR_MS;

/** What a measure asks of the rows, but for how it groups them. */
export type Asked = Pick<Measure, 'filter' | 'windowMs' | 'groupBy'> & {
  readonly type: Measure['type'];
};

/**
 * The questions of some rules about the windows that end at `now`. The same question of several
 * rules is asked once, and one that groups more coarsely is answered from the finer one.
 */
export class Round {
  readonly now: number;
  readonly store: Store;
  readonly #healthIntervalMs: number;
  readonly #asked = new Map<string, Promise<unknown>>();
  readonly #groupings = new Map<string, (readonly Dimension[])[]>();

  constructor(
    store: Store,
    now: number,
    healthIntervalMs: number,
    measures: readonly Measure[] = [],
  ) {
    this.store = store;
    this.now = now;
    this.#healthIntervalMs = healthIntervalMs;
    for (const measure of measures) {
      const key = keyOfRows(measure);
      const others = this.#groupings.get(key);
      if (others) others.push(measure.groupBy);
      else this.#groupings.set(key, [measure.groupBy]);
    }
  }

  /** @throws PS_REQUEST_TOO_LARGE for too many groups, PS_UNAVAILABLE, PS_QUERY_TOO_LONG */
  async figures(asked: Asked): Promise<Figures[]> {
    const finest = this.#finest(asked);
    const found = await this.#once(`figures ${keyOfRows(asked)} ${finest.join()}`, () =>
      figures(
        this.#storeFor(asked),
        this.#question(asked, finest),
        asked.type ? conditionsOf({ metricType: asked.type }) : [],
        MOST_GROUPS,
      ),
    );
    return finest === asked.groupBy ? found : coarser(found, asked.groupBy);
  }

  /** By `keyOf` of the group. */
  distributions(asked: Asked & { type: string }): Promise<Map<string, Distribution>> {
    return this.#once(`buckets ${keyOfRows(asked)} ${asked.groupBy.join()}`, () =>
      distributions(
        this.#storeFor(asked),
        this.#question(asked, asked.groupBy),
        conditionsOf({ metricType: asked.type }),
      ),
    );
  }

  jobs(asked: Asked): Promise<JobTotals[]> {
    return this.#once(`jobs ${keyOfRows(asked)} ${asked.groupBy.join()}`, () =>
      jobTotals(this.#storeFor(asked), this.#question(asked, asked.groupBy)),
    );
  }

  uptime(asked: Asked): Promise<Uptime[]> {
    return this.#once(`uptime ${keyOfRows(asked)} ${asked.groupBy.join()}`, () =>
      uptime(this.#storeFor(asked), this.#question(asked, asked.groupBy), this.#healthIntervalMs),
    );
  }

  /** A short window has moved on when it is asked about again: its answer is not worth keeping. */
  #storeFor({ windowMs }: Asked): Store {
    const { store } = this;
    if (windowMs >= KEPT_FROM_MS) return store;
    const read: Store['read'] = (scope, statement) => store.read(scope, statement);
    return { read, catalog: store.catalog };
  }

  #question({ filter, windowMs }: Asked, groupBy: readonly Dimension[]): Question {
    return { scope: EVERYTHING, range: lastOf(windowMs, this.now), filter, groupBy };
  }

  /** A grouping of the round that has all of the asked dimensions, the one with the most. */
  #finest(asked: Asked): readonly Dimension[] {
    const known = this.#groupings.get(keyOfRows(asked)) ?? [];
    return known.reduce<readonly Dimension[]>(
      (best, other) =>
        other.length > best.length && best.every((name) => other.includes(name)) ? other : best,
      asked.groupBy,
    );
  }

  #once<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#asked.get(key) as Promise<T> | undefined;
    if (known) return known;
    const asked = ask();
    this.#asked.set(key, asked);
    return asked;
  }
}

/** Which rows a measure looks at; rules with the same are evaluated in the same round. */
export function keyOfRows({ type, filter, windowMs }: Omit<Asked, 'groupBy'>): string {
  const sorted = Object.entries(filter).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([type, windowMs, sorted]);
}

function coarser(found: readonly Figures[], groupBy: readonly Dimension[]): Figures[] {
  const groups = new Map<string, Figures>();
  for (const each of found) {
    const group = Object.fromEntries(groupBy.map((name) => [name, each.group[name]]));
    const key = keyOf(group);
    const known = groups.get(key);
    groups.set(key, known ? together(known, each) : { ...each, group });
  }
  return [...groups.values()];
}
