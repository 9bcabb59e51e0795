import { runGuarded } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { addCount } from '../../core/maps.ts';
import type { OtelNumberPoint, OtelResourceMetrics } from '../../core/otel/metric-data.ts';
import { explainReason } from '../../core/otel/rows/reason-explanations.ts';
import { createDropLog } from '../../storage/spool/dropped-row-report.ts';
import type { DroppedRowCounter, DropReason } from '../../storage/spool/dropped-rows.ts';
import { ATTR_DROP_REASON, DROPPED_ROWS_METRIC } from '../attribute-keys.ts';
import { EXPORT_PART } from '../export/sdk-metric-adapter.ts';

/** What was exported. */
export type ExportedItems = 'metric points' | 'spans';

/** Numbers of points or spans without rows, by reason. */
export interface Rejected {
  readonly rejected: ReadonlyMap<string, number>;
  /** Name of the first metric of each reason. */
  readonly rejectedNames?: ReadonlyMap<string, string>;
  readonly ignored: ReadonlyMap<string, number>;
}

/**
 * Numbers of metric points or spans that were not stored since the process started, by reason. docs/opentelemetry.md
 * explains the reasons.
 */
export interface NotStored {
  /** Invalid data, such as NaN. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Valid data that needs no rows, such as internal spans. */
  readonly ignored: Readonly<Record<string, number>>;
}

/** Syntax of OpenTelemetry. Other names can contain any text, so they are not logged. */
const METRIC_NAME = /^[a-z][\w./-]{0,254}$/i;

/** Counts the rows that the exporters don't store, logs each reason once, and creates the metric about them. */
export class RejectedData {
  readonly #dropped: DroppedRowCounter;
  readonly #log: (rows: number, reason: string, kind: string) => void;
  /** Rows since the last metric. */
  #newRows = new Map<DropReason, number>();
  readonly #counts = {
    'metric points': { rejected: new Map<string, number>(), ignored: new Map<string, number>() },
    spans: { rejected: new Map<string, number>(), ignored: new Map<string, number>() },
  };
  #exportedMs: number;

  constructor(dropped: DroppedRowCounter, log: Logger, nowMs: number) {
    this.#dropped = dropped;
    this.#log = createDropLog(dropped, log);
    this.#exportedMs = nowMs;
    dropped.onAdd((reason, rows) => {
      runGuarded(EXPORT_PART, () => addCount(this.#newRows, reason, rows));
    });
  }

  /** Returns the numbers since the process started. */
  getCounts(items: ExportedItems): NotStored {
    const { rejected, ignored } = this.#counts[items];
    return { rejected: Object.fromEntries(rejected), ignored: Object.fromEntries(ignored) };
  }

  add(items: ExportedItems, { rejected, rejectedNames, ignored }: Rejected): void {
    const counts = this.#counts[items];
    for (const [reason, count] of ignored) addCount(counts.ignored, reason, count);
    for (const [reason, count] of rejected) {
      const name = rejectedNames?.get(reason) ?? '';
      const metric = METRIC_NAME.test(name) ? ` The first one is of the metric ${name}.` : '';
      const text = `${items} of the OpenTelemetry SDK are invalid: ${explainReason(reason)}.${metric}`;
      addCount(counts.rejected, reason, count);
      this.#dropped.add(reason === 'too_old' ? 'expired' : 'invalid', count);
      this.#log(count, text, `${items} ${reason}`);
    }
  }

  /** Returns a metric with the rows that were dropped since the last call. Undefined if there are none. */
  takeMetric(
    resource: OtelResourceMetrics['resource'],
    nowMs: number,
  ): OtelResourceMetrics | undefined {
    if (this.#newRows.size === 0 || nowMs <= this.#exportedMs) return undefined;
    const times = { startTimeMs: this.#exportedMs, timeMs: nowMs };
    const points = [...this.#newRows].map(
      ([reason, value]): OtelNumberPoint => ({
        ...times,
        attributes: { [ATTR_DROP_REASON]: reason },
        value,
      }),
    );
    this.#newRows = new Map();
    this.#exportedMs = nowMs;
    const sum = { kind: 'sum', temporality: 'delta', isMonotonic: true } as const;
    const metric = { ...sum, name: DROPPED_ROWS_METRIC, unit: '{row}', points };
    return { resource, scopes: [{ scope: { name: 'perfscope.write' }, metrics: [metric] }] };
  }
}
