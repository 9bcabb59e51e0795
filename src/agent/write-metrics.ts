import type { MeterProvider, MetricOptions, ObservableResult } from '@opentelemetry/api';
import { guard } from '../core/guard.ts';
import { VERSION } from '../core/version.ts';
import type { DroppedRowCounter } from '../storage/spool/dropped-rows.ts';
import type { WriteStats } from '../storage/write/write-stats.ts';
import {
  ATTR_DISTRO_NAME,
  ATTR_DISTRO_VERSION,
  ATTR_DROP_REASON,
  DEAD_LETTERS_METRIC,
  DISTRO_NAME,
  DROPPED_ROWS_METRIC,
  SPOOL_LAG_METRIC,
  SPOOL_SIZE_METRIC,
} from './attribute-keys.ts';

/** What fails, for {@link guard}. */
const PART = 'the metrics of the agent';

export interface WriteMetricsOptions {
  /** Counts dropped rows. */
  readonly dropped: DroppedRowCounter;
  /** Returns the statistics of the writer. Undefined while the process has no writer. */
  readonly getWriteStats: () => WriteStats | undefined;
}

interface WriteInstrument {
  readonly name: string;
  readonly options: MetricOptions;
  /** Undefined if there is no value. */
  readonly value: (stats: WriteStats) => number | undefined;
}

/** Counters start at zero with the process. */
const COUNTERS: readonly WriteInstrument[] = [
  {
    name: 'perfscope.rows.recorded',
    options: { unit: '{row}', description: 'Rows that this process has recorded.' },
    value: ({ recordedRows }) => recordedRows,
  },
  {
    name: 'perfscope.rows.stored',
    options: {
      unit: '{row}',
      description:
        'Rows that QuestDB has acknowledged, including rows of processes that have ended.',
    },
    value: ({ storedRows }) => storedRows,
  },
  {
    name: 'perfscope.write.retries',
    options: {
      unit: '{request}',
      description: 'Requests to QuestDB that failed and were repeated.',
    },
    value: ({ failedRequests }) => failedRequests,
  },
];

const GAUGES: readonly WriteInstrument[] = [
  {
    name: 'perfscope.spool.rows',
    options: { unit: '{row}', description: 'Rows in the spool that wait to be sent.' },
    value: ({ waitingRows }) => waitingRows,
  },
  {
    name: SPOOL_LAG_METRIC,
    options: { unit: 's', description: 'Age of the oldest row in the spool.' },
    value: ({ lagMs = 0 }) => lagMs / 1000,
  },
  {
    name: DEAD_LETTERS_METRIC,
    options: { unit: '{row}', description: 'Rows that QuestDB rejected and that were set aside.' },
    value: ({ deadLetterRows }) => deadLetterRows,
  },
  {
    name: 'perfscope.spool.disk.free',
    options: { unit: 'By', description: 'Free space on the disk with the spool.' },
    value: ({ freeDiskBytes }) => freeDiskBytes,
  },
];

/** Creates the instruments of the write pipeline. */
export function createWriteMetrics(provider: MeterProvider, options: WriteMetricsOptions): void {
  const meter = provider.getMeter('perfscope.write');
  const { dropped, getWriteStats } = options;
  const createCallback = ({ value }: WriteInstrument) =>
    guard(PART, (result: ObservableResult) => {
      const stats = getWriteStats();
      const current = stats && value(stats);
      if (current !== undefined) result.observe(current);
    });
  for (const each of COUNTERS) {
    meter.createObservableCounter(each.name, each.options).addCallback(createCallback(each));
  }
  for (const each of GAUGES) {
    meter.createObservableGauge(each.name, each.options).addCallback(createCallback(each));
  }
  // Every agent exports this gauge, so its attributes report the version of each agent.
  const distro = { [ATTR_DISTRO_NAME]: DISTRO_NAME, [ATTR_DISTRO_VERSION]: VERSION };
  const observeSize = (result: ObservableResult) =>
    result.observe(getWriteStats()?.waitingBytes ?? 0, distro);
  meter
    .createObservableGauge(SPOOL_SIZE_METRIC, {
      unit: 'By',
      description: 'Size of the rows in the spool.',
    })
    .addCallback(guard(PART, observeSize));
  // Not observable, because the callbacks of observable instruments don't run while a process exits.
  const droppedCounter = meter.createCounter(DROPPED_ROWS_METRIC, {
    unit: '{row}',
    description: 'Rows that were not stored, by reason.',
  });
  dropped.onAdd(
    guard(PART, (reason, rows) => droppedCounter.add(rows, { [ATTR_DROP_REASON]: reason })),
  );
}
