import type { Labels } from '../../../core/alerts/alert.ts';
import { createError } from '../../../core/perfscope-error.ts';
import type { Group } from '../../../storage/queries/query-definition.ts';
import { toLabels } from '../../alerts/evaluation/observation.ts';
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
  readonly #windows = new Set<number>();
  #isFull = false;
  #version = 0;

  constructor(createSeries: () => S) {
    this.#createSeries = createSeries;
  }

  /** The windows of the rules that read this store, in ms. */
  get windowsMs(): readonly number[] {
    return [...this.#windows];
  }

  /** Changes when a group is added or removed. */
  get version(): number {
    return this.#version;
  }

  /** Whether there are more groups than a rule can have. Its rules can't be replayed. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Keeps cells for a window of this length, in ms. */
  addWindow(windowMs: number): void {
    this.#windows.add(windowMs);
  }

  /** The longest window, in ms. */
  get maxWindowMs(): number {
    return Math.max(0, ...this.#windows);
  }

  /** @throws PS_REQUEST_TOO_LARGE if there are more groups than a rule can have */
  get groups(): ReadonlyMap<string, StoredGroup<S>> {
    if (this.#isFull) throw createError('PS_REQUEST_TOO_LARGE', {});
    return this.#groups;
  }

  /**
   * Returns the group with these values, and adds it if it is new.
   *
   * @param key unique text of the values
   * @returns undefined if there are more groups than a rule can have
   */
  getOrAdd(key: string, createGroup: () => Group): StoredGroup<S> | undefined {
    const known = this.#groups.get(key);
    if (known) return known;
    this.#isFull ||= this.#groups.size >= MAX_GROUPS;
    if (this.#isFull) return undefined;
    const group = createGroup();
    const added = { key, group, labels: toLabels(group), series: this.#createSeries() };
    this.#groups.set(key, added);
    this.#version += 1;
    return added;
  }

  /** Removes the cells that no window reads after `now`, and the groups without cells. */
  compact(now: number): void {
    const { maxWindowMs } = this;
    for (const [key, { series }] of this.#groups) {
      series.dropBefore(now - maxWindowMs);
      if (series.first !== series.end) continue;
      this.#groups.delete(key);
      this.#version += 1;
    }
  }
}

/** A window for each group of a store. */
export class GroupWindows<S extends Series, W> {
  readonly #store: GroupStore<S>;
  readonly #createWindow: (group: StoredGroup<S>) => W;
  readonly #windows = new Map<StoredGroup<S>, W>();
  #version = -1;

  /** @param createWindow creates the window of a new group */
  constructor(store: GroupStore<S>, createWindow: (group: StoredGroup<S>) => W) {
    this.#store = store;
    this.#createWindow = createWindow;
  }

  /** Changes when `list` returns other windows. */
  get version(): number {
    return this.#version;
  }

  /** Returns the windows of all groups. Groups that left the store are forgotten. */
  list(): ReadonlyMap<StoredGroup<S>, W> {
    const { version, groups } = this.#store;
    if (version !== this.#version) this.#update(groups);
    this.#version = version;
    return this.#windows;
  }

  #update(groups: ReadonlyMap<string, StoredGroup<S>>): void {
    for (const group of this.#windows.keys()) {
      if (groups.get(group.key) !== group) this.#windows.delete(group);
    }
    for (const group of groups.values()) {
      if (!this.#windows.has(group)) this.#windows.set(group, this.#createWindow(group));
    }
  }
}
