import type { Labels } from '../../../core/alerts/alert.ts';
import { createError } from '../../../core/perfscope-error.ts';
import type { Group } from '../../../storage/queries/query-definition.ts';
import { toLabels } from '../../alerts/rule-queries/measure-query.ts';
import { MAX_GROUPS } from '../../alerts/rule-queries/rule-query-cache.ts';

/** Cells of one group, such as `CellSeries` or `BucketSeries`. */
interface Series {
  readonly first: number;
  readonly end: number;
  dropBefore(ms: number): void;
}

/** One group with its cells. The labels are always the same object. */
export interface StoredGroup<S extends Series> {
  readonly key: string;
  readonly group: Group;
  readonly labels: Labels;
  readonly series: S;
}

/** The cells of all groups that several rules read. */
export class GroupStore<S extends Series> {
  readonly #createSeries: () => S;
  readonly #groups = new Map<string, StoredGroup<S>>();
  /** The longest window of the rules that read this store, in ms. */
  windowMs = 0;

  constructor(createSeries: () => S) {
    this.#createSeries = createSeries;
  }

  get groups(): ReadonlyMap<string, StoredGroup<S>> {
    return this.#groups;
  }

  /**
   * Returns the group with these values, and adds it if it is new.
   *
   * @param key unique text of the values
   * @throws PS_REQUEST_TOO_LARGE if there are more groups than a rule can have
   */
  getOrAdd(key: string, createGroup: () => Group): StoredGroup<S> {
    const known = this.#groups.get(key);
    if (known) return known;
    if (this.#groups.size >= MAX_GROUPS) throw createError('PS_REQUEST_TOO_LARGE', {});
    const group = createGroup();
    const added = { key, group, labels: toLabels(group), series: this.#createSeries() };
    this.#groups.set(key, added);
    return added;
  }

  /** Removes the cells that no window reads after `now`, and the groups without cells. */
  compact(now: number): void {
    for (const [key, { series }] of this.#groups) {
      series.dropBefore(now - this.windowMs);
      if (series.first === series.end) this.#groups.delete(key);
    }
  }
}

/** A window for each group of a store. */
export class GroupWindows<S extends Series, W> {
  readonly #store: GroupStore<S>;
  readonly #createWindow: (series: S) => W;
  readonly #windows = new Map<StoredGroup<S>, W>();
  #knownSize = 0;

  /** @param createWindow creates the window of a new group */
  constructor(store: GroupStore<S>, createWindow: (series: S) => W) {
    this.#store = store;
    this.#createWindow = createWindow;
  }

  /** Returns the windows of all groups. Groups that left the store are forgotten. */
  list(): ReadonlyMap<StoredGroup<S>, W> {
    const { groups } = this.#store;
    if (groups.size !== this.#knownSize || this.#windows.size !== groups.size) this.#update();
    return this.#windows;
  }

  /** Returns the window of the group with this key. */
  find(key: string): W | undefined {
    const group = this.#store.groups.get(key);
    if (!group) return undefined;
    return this.#windows.get(group) ?? this.list().get(group);
  }

  #update(): void {
    const { groups } = this.#store;
    for (const group of this.#windows.keys()) {
      if (groups.get(group.key) !== group) this.#windows.delete(group);
    }
    for (const group of groups.values()) {
      if (!this.#windows.has(group)) this.#windows.set(group, this.#createWindow(group.series));
    }
    this.#knownSize = groups.size;
  }
}
