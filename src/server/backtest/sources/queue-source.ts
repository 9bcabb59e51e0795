import type { Labels } from '../../../core/alerts/alert.ts';
import type { Dimension, Group } from '../../../storage/queries/query-definition.ts';
import { READY_STATES } from '../../../storage/queries/queue-stats.ts';
import { BY_QUEUE } from '../../../storage/queries/queue-totals.ts';
import { computePercent } from '../../../storage/queries/row-values.ts';
import type { Observation } from '../../alerts/evaluation/observation.ts';
import { toLabels } from '../../alerts/evaluation/observation.ts';
import { getCount } from '../../alerts/rule-queries/measure-observation.ts';
import { computeDrainTime } from '../../alerts/rule-queries/measure-query.ts';
import type { Measure } from '../../alerts/rules/alert-rule.ts';
import { SlidingSums } from '../windows/sliding-sums.ts';
import type { CellStores } from './cell-stores.ts';
import { GroupWindows } from './group-store.ts';
import { toObservation } from './measurement-source.ts';
import { hasMeasurements } from './measurement-windows.ts';
import type { ReplaySource } from './replay-source.ts';

/** Creates the source of a measure about queues. Returns undefined for other aggregates. */
export function createQueueSource(measure: Measure, stores: CellStores): ReplaySource | undefined {
  switch (measure.aggregate) {
    case 'depth':
      return createGaugeSource(measure, stores, 'QUEUE_DEPTH', (a, b) => a + b);
    case 'oldest_age':
      return createGaugeSource(measure, stores, 'QUEUE_OLDEST_AGE', Math.max);
    case 'failure_rate':
      return createFailureSource(measure, stores);
    case 'time_to_drain':
      return createDrainSource(measure, stores);
    default:
      return undefined;
  }
}

/** Returns the same labels object for the same values. */
class LabelsCache {
  readonly #groupBy: readonly Dimension[];
  readonly #labels = new Map<string, Labels>();

  constructor(groupBy: readonly Dimension[]) {
    this.#groupBy = groupBy;
  }

  getKey(group: Group): string {
    return JSON.stringify(this.#groupBy.map((name) => group[name] ?? null));
  }

  getLabels(group: Group): Labels {
    const key = this.getKey(group);
    const known =
      this.#labels.get(key) ??
      toLabels(Object.fromEntries(this.#groupBy.map((name) => [name, group[name]])));
    this.#labels.set(key, known);
    return known;
  }
}

interface Gauge {
  readonly group: Group;
  readonly labels: Labels;
  value: number;
  count: number;
  newestMs: number;
  oldestMs: number;
}

/** Reads the newest value of a queue metric by group: the values of its states and scopes are combined. */
function createGaugeReader(
  { filter, groupBy, windowMs }: Measure,
  stores: CellStores,
  type: 'QUEUE_DEPTH' | 'QUEUE_OLDEST_AGE',
  combine: (a: number, b: number) => number,
): (now: number) => Iterable<Gauge> {
  const states = [...new Set<Dimension>([...groupBy, 'queueScope', 'operation'])];
  const store = stores.getSums({ kind: 'sums', type, filter, groupBy: states }, ['last'], windowMs);
  const windows = new GroupWindows(store, ({ series }) => new SlidingSums(series, windowMs));
  const cache = new LabelsCache(groupBy);
  return (now) => {
    const gauges = new Map<Labels, Gauge>();
    for (const [{ group }, sums] of windows.list()) {
      sums.advance(now);
      if (!hasMeasurements(sums) || !READY_STATES.has(group.operation)) continue;
      const labels = cache.getLabels(group);
      const known = gauges.get(labels);
      const last = sums.last ?? 0;
      const { newestMs, oldestMs } = sums;
      if (!known) {
        const count = sums.valueCount;
        gauges.set(labels, { group, labels, value: last, count, newestMs, oldestMs });
        continue;
      }
      known.value = combine(known.value, last);
      known.count += sums.valueCount;
      known.newestMs = Math.max(known.newestMs, newestMs);
      known.oldestMs = Math.min(known.oldestMs, oldestMs);
    }
    return gauges.values();
  };
}

function createGaugeSource(
  measure: Measure,
  stores: CellStores,
  type: 'QUEUE_DEPTH' | 'QUEUE_OLDEST_AGE',
  combine: (a: number, b: number) => number,
): ReplaySource {
  const read = createGaugeReader(measure, stores, type, combine);
  return {
    precision: [],
    observe: (now) =>
      [...read(now)].map((gauge) => toObservation(gauge.labels, gauge, gauge.value, gauge.count)),
  };
}

/** In a store of jobs, the count is the number of ended attempts, and the number of values is the number of arrivals. */
function createFlowWindows(
  { filter, windowMs }: Measure,
  stores: CellStores,
  kind: 'jobs' | 'messages',
  groupBy: readonly Dimension[],
) {
  const store = stores.getSums({ kind, type: undefined, filter, groupBy }, [], windowMs);
  return new GroupWindows(store, ({ series }) => new SlidingSums(series, windowMs));
}

function createFailureSource(measure: Measure, stores: CellStores): ReplaySource {
  const groupBy = [...new Set<Dimension>([...measure.groupBy, ...BY_QUEUE])];
  const jobs = createFlowWindows(measure, stores, 'jobs', groupBy);
  const messages = createFlowWindows(measure, stores, 'messages', groupBy);
  const queues = new LabelsCache(BY_QUEUE);
  const cache = new LabelsCache(measure.groupBy);
  return {
    precision: [],
    observe(now) {
      const totals = new Map<Labels, { ended: number; failed: number; newestMs: number }>();
      const add = (group: Group, sums: SlidingSums) => {
        const labels = cache.getLabels(group);
        const known = totals.get(labels) ?? { ended: 0, failed: 0, newestMs: 0 };
        known.ended += getCount(sums);
        known.failed += sums.errorCount;
        known.newestMs = Math.max(known.newestMs, sums.newestMs);
        totals.set(labels, known);
      };
      const queuesWithRows = new Set<string>();
      for (const [{ group }, sums] of jobs.list()) {
        sums.advance(now);
        if (sums.isEmpty) continue;
        queuesWithRows.add(queues.getKey(group));
        add(group, sums);
      }
      for (const [{ group }, sums] of messages.list()) {
        sums.advance(now);
        if (!sums.isEmpty && !queuesWithRows.has(queues.getKey(group))) add(group, sums);
      }
      return [...totals].flatMap(([labels, { ended, failed, newestMs }]): Observation[] =>
        ended > 0 ? [{ labels, value: computePercent(failed, ended), count: ended, newestMs }] : [],
      );
    },
  };
}

function createDrainSource(measure: Measure, stores: CellStores): ReplaySource {
  const { groupBy, windowMs } = measure;
  const readDepths = createGaugeReader(measure, stores, 'QUEUE_DEPTH', (a, b) => a + b);
  const jobs = createFlowWindows(measure, stores, 'jobs', groupBy);
  const cache = new LabelsCache(groupBy);
  return {
    precision: [],
    observe(now) {
      const flows = new Map<string, SlidingSums>();
      for (const [{ group }, sums] of jobs.list()) {
        sums.advance(now);
        if (!sums.isEmpty) flows.set(cache.getKey(group), sums);
      }
      return [...readDepths(now)].map((depth) => {
        const flow = flows.get(cache.getKey(depth.group));
        const counts = flow && {
          arrived: flow.valueSum,
          completed: flow.count - flow.errorCount,
          failed: flow.errorCount,
        };
        const drainMs = computeDrainTime(depth.value, counts, windowMs);
        return toObservation(depth.labels, depth, drainMs, depth.value);
      });
    },
  };
}
