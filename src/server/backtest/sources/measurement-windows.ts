import type { Observation } from '../../alerts/evaluation/observation.ts';
import { getCount } from '../../alerts/rule-queries/measure-observation.ts';
import type { CellSeries } from '../windows/cell-series.ts';
import { type BucketSeries, SlidingBuckets } from '../windows/sliding-buckets.ts';
import { type CellLimits, SlidingSums } from '../windows/sliding-sums.ts';
import { type GroupStore, GroupWindows, type StoredGroup } from './group-store.ts';
import type { ReplaySource, ReplayWindow, ValueLimits, WindowValues } from './replay-source.ts';

/** Computes the value of a group from its window. */
export interface WindowValue {
  readonly compute: (sums: SlidingSums) => number | undefined;
  /** Returns the lowest and highest possible value. Undefined if only the windows themselves can tell. */
  readonly toLimits?: ((cells: CellLimits) => readonly [number, number]) | undefined;
  /** Undefined if the value has no bounds. */
  readonly computeBounds?: ((sums: SlidingSums) => Observation['bounds']) | undefined;
}

/** The window of one group over sums. */
class SumsWindow implements ReplayWindow {
  readonly labels: StoredGroup<CellSeries>['labels'];
  readonly #sums: SlidingSums;
  readonly #value: WindowValue;

  constructor({ labels, series }: StoredGroup<CellSeries>, windowMs: number, value: WindowValue) {
    this.labels = labels;
    this.#sums = new SlidingSums(series, windowMs);
    this.#value = value;
  }

  get hasMeasurements(): boolean {
    return hasMeasurements(this.#sums);
  }

  get value(): number | undefined {
    return this.#value.compute(this.#sums);
  }

  get count(): number {
    return getCount(this.#sums);
  }

  get newestMs(): number {
    return this.#sums.newestMs;
  }

  get coveredMs(): number {
    return this.#sums.newestMs - this.#sums.oldestMs;
  }

  get bounds(): Observation['bounds'] {
    return this.#value.computeBounds?.(this.#sums);
  }

  advance(now: number): void {
    this.#sums.advance(now);
  }

  advanceAll(times: readonly number[], output: WindowValues): void {
    const sums = this.#sums;
    const { compute } = this.#value;
    for (let i = 0; i < times.length; i++) {
      sums.advance(times[i]!);
      const isPresent = writeTimes(sums, output, i);
      if (!isPresent) continue;
      output.values[i] = compute(sums) ?? Number.NaN;
      output.counts[i] = getCount(sums);
    }
  }

  findLimits(firstMs: number, lastMs: number): ValueLimits | undefined {
    const { toLimits } = this.#value;
    const cells = toLimits && this.#sums.findLimits(firstMs, lastMs);
    if (!cells) return undefined;
    const [lower, upper] = toLimits(cells);
    return { lower, upper, oldestMs: cells.oldestMs };
  }

  jump(now: number): void {
    this.#sums.jump(now);
  }

  save(): void {
    this.#sums.save();
  }

  restore(): void {
    this.#sums.restore();
  }
}

/** The window of one group over sums and histograms. A group can have no histogram. */
class DistributionWindow implements ReplayWindow {
  readonly labels: StoredGroup<CellSeries>['labels'];
  readonly bounds = undefined;
  readonly #sums: SlidingSums;
  readonly #windowMs: number;
  readonly #findBuckets: () => BucketSeries | undefined;
  readonly #compute: DistributionValue;
  #series: BucketSeries | undefined;
  #buckets: SlidingBuckets | undefined;
  #now = Number.NEGATIVE_INFINITY;

  constructor(
    { labels, series }: StoredGroup<CellSeries>,
    windowMs: number,
    findBuckets: () => BucketSeries | undefined,
    compute: DistributionValue,
  ) {
    this.labels = labels;
    this.#sums = new SlidingSums(series, windowMs);
    this.#windowMs = windowMs;
    this.#findBuckets = findBuckets;
    this.#compute = compute;
  }

  get hasMeasurements(): boolean {
    return hasMeasurements(this.#sums);
  }

  get value(): number | undefined {
    const buckets = this.#buckets;
    return buckets && buckets.total > 0 ? this.#compute(this.#sums, buckets) : undefined;
  }

  get count(): number {
    return this.#sums.count;
  }

  get newestMs(): number {
    return this.#sums.newestMs;
  }

  get coveredMs(): number {
    return this.#sums.newestMs - this.#sums.oldestMs;
  }

  advance(now: number): void {
    this.#sums.advance(now);
    this.#buckets?.advance(now);
    this.#now = now;
  }

  advanceAll(times: readonly number[], output: WindowValues): void {
    for (let i = 0; i < times.length; i++) {
      this.advance(times[i]!);
      const isPresent = writeTimes(this.#sums, output, i);
      if (!isPresent) continue;
      output.values[i] = this.value ?? Number.NaN;
      output.counts[i] = this.count;
    }
  }

  /** Finds the histogram again, because its group can be added or removed between two reads. */
  refresh(): void {
    const series = this.#findBuckets();
    if (series === this.#series) return;
    this.#series = series;
    this.#buckets = series && new SlidingBuckets(series, this.#windowMs);
    this.#buckets?.advance(this.#now);
  }

  save(): void {
    this.#sums.save();
    this.#buckets?.save();
  }

  restore(): void {
    this.#sums.restore();
    this.#buckets?.restore();
  }
}

/** Writes the times of a window. Returns whether the window has measurements. */
function writeTimes(sums: SlidingSums, { newestMs, coveredMs }: WindowValues, i: number): boolean {
  const isPresent = hasMeasurements(sums);
  newestMs[i] = isPresent ? sums.newestMs : Number.NaN;
  coveredMs[i] = isPresent ? sums.newestMs - sums.oldestMs : 0;
  return isPresent;
}

type DistributionValue = (sums: SlidingSums, buckets: SlidingBuckets) => number | undefined;

/** Creates a source whose values depend only on the sums in the window of a group. */
export function createSumsSource(
  store: GroupStore<CellSeries>,
  windowMs: number,
  value: WindowValue,
): ReplaySource {
  return createWindowSource(
    new GroupWindows(store, (group) => new SumsWindow(group, windowMs, value)),
  );
}

/** Creates a source whose values depend on the sums and on the histogram in the window of a group. */
export function createDistributionSource(
  store: GroupStore<CellSeries>,
  histograms: GroupStore<BucketSeries>,
  windowMs: number,
  compute: DistributionValue,
): ReplaySource {
  const windows = new GroupWindows(
    store,
    (group) =>
      new DistributionWindow(
        group,
        windowMs,
        () => histograms.groups.get(group.key)?.series,
        compute,
      ),
  );
  return createWindowSource(windows, histograms);
}

interface SourceWindow extends ReplayWindow {
  readonly hasMeasurements: boolean;
  readonly value: number | undefined;
  readonly count: number;
  readonly newestMs: number;
  readonly coveredMs: number;
  readonly bounds: Observation['bounds'];
  advance(now: number): void;
  refresh?(): void;
}

function createWindowSource<W extends SourceWindow>(
  windows: GroupWindows<CellSeries, W>,
  histograms?: GroupStore<BucketSeries>,
): ReplaySource {
  let version = -1;
  /** All windows that are not skipped. */
  let observed: readonly W[] = [];

  /** Finds the new groups after a read. */
  function update(): void {
    const all = windows.list();
    // Throws if there are too many.
    void histograms?.groups;
    // Both versions only increase.
    const current = windows.version + (histograms?.version ?? 0);
    if (current === version) return;
    version = current;
    observed = [...all.values()];
    for (const window of observed) window.refresh?.();
  }

  return {
    precision: [],
    skipGroups(skip) {
      update();
      observed = [...windows.list().values()].filter((window) => !skip(window));
    },
    observe(now) {
      update();
      const observations: Observation[] = [];
      for (const window of observed) {
        window.advance(now);
        if (!window.hasMeasurements) continue;
        const { labels, value, count, newestMs, coveredMs, bounds } = window;
        observations.push({ labels, value, count, newestMs, coveredMs, bounds });
      }
      return observations;
    },
  };
}

/** Rows of aborted operations contain no measurements. */
export function hasMeasurements(sums: SlidingSums): boolean {
  return !sums.isEmpty && (sums.count > 0 || sums.valueCount > 0);
}
