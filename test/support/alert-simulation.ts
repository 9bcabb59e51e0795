import { toCoverageRows } from '../../src/agent/library-coverage/coverage-rows.ts';
import type { AlertGroup, Labels } from '../../src/core/alerts/alert.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/core/duration.ts';
import type { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import type { RowTypes, TableName } from '../../src/core/schema/table-registry.ts';
import { STOPPED_STATUS } from '../../src/core/schema/tables/system-health-table.ts';
import type { AlertEvaluator } from '../../src/server/alerts/alert-evaluator.ts';
import type { Transition } from '../../src/server/alerts/evaluation/alert-transition.ts';
import { makeGauge, makeHistogram, type TestRowWriter } from './alert-fixtures.ts';

/** A time range, in minutes since the start of the simulation. Negative minutes are the history. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface SimulatedProcess extends Span {
  readonly service: string;
  readonly instance?: string;
  readonly host?: string;
  readonly version?: string;
  /** How the process ends. Default: it still runs at the end of the span. */
  readonly end?: 'stopped' | 'killed';
  /** Usage of the host in percent, by minute. Defaults: 20, 50, and 40. */
  readonly cpu?: (minute: number) => number;
  readonly memory?: (minute: number) => number;
  readonly disk?: (minute: number) => number;
}

export interface SimulatedRequests extends Span {
  readonly service: string;
  readonly endpoint?: string;
  readonly organization?: string;
  readonly property?: string;
  readonly instance?: string;
  readonly type?: PerformanceMetricType;
  /** Number of measurements per minute. */
  readonly rate: (minute: number) => number;
  /** Duration in ms. */
  readonly ms: (minute: number) => number;
  /** Share of failed measurements, from 0 to 1. Default: 0. */
  readonly failing?: (minute: number) => number;
  /** Time between two rows, in minutes. Default: half a minute. */
  readonly every?: number;
}

/** A change of an alert. */
export interface SimulatedChange {
  readonly minute: number;
  readonly rule: string;
  readonly state: string;
  readonly severity: string;
  /** Values of the alert's labels, such as the service or the host. */
  readonly subject: string;
}

const ROW_INTERVAL = 0.5;
let lastInstance = 0;
let lastId = 0;

/**
 * Writes the rows that services send, with simulated timestamps, and evaluates the rules at simulated times. All
 * scenarios share one simulation, because each evaluation reads the rows of all services.
 */
export class AlertSimulation {
  readonly startMs: number;
  readonly #rows: TestRowWriter;
  readonly #pending = new Map<TableName, object[]>();
  readonly changes: SimulatedChange[] = [];
  /** The alerts that were sent, as `rule subject`. Inhibited alerts aren't sent. */
  readonly sent = new Set<string>();

  /** @param startMs time of minute 0, in ms since the epoch. All rows should be in the past. */
  constructor(rows: TestRowWriter, startMs: number) {
    this.#rows = rows;
    this.startMs = startMs;
  }

  toMs(minute: number): number {
    return this.startMs + Math.round(minute * MINUTE_MS);
  }

  /** Adds the health rows, host metrics, and coverage rows of a process. */
  addProcess(process: SimulatedProcess): void {
    const { service, version, from, to, end } = process;
    const { host = `${service}-host`, instance = `i${lastInstance++}` } = process;
    const resource = { service, serviceVersion: version, instance };
    const addHealth = (minute: number, status: string) => {
      const timestamp = this.toMs(minute);
      this.#add('system_health', [
        { ...resource, host, timestamp, createdAt: timestamp, id: `s${lastId++}`, status },
      ]);
    };
    for (let minute = from; minute < to; minute++) addHealth(minute, 'healthy');
    if (end === 'stopped') addHealth(to, STOPPED_STATUS);
    const { cpu = () => 20, memory = () => 50, disk = () => 40 } = process;
    const gauges = [
      ['CPU_USAGE', cpu],
      ['MEMORY_USAGE', memory],
      ['DISK_USAGE', disk],
    ] as const;
    // In the history, a row per half hour is enough.
    for (let minute = from; minute < to; minute += minute < 0 ? 30 : ROW_INTERVAL) {
      const timestamp = this.toMs(minute);
      this.#add(
        'performance_metrics',
        gauges.map(([metricType, value]) =>
          makeGauge({ ...resource, host, timestamp, metricType, value: value(minute) }),
        ),
      );
    }
    const coverage = [{ name: 'pg', version: '8.1.0', measured: true, reason: undefined }];
    for (let minute = from + 1 / 60; minute < to; minute += 10) {
      const next = () => `c${lastId++}`;
      this.#add('performance_metrics', toCoverageRows(coverage, resource, next, this.toMs(minute)));
    }
  }

  /** Adds histograms of requests, statements, or other operations. */
  addRequests(requests: SimulatedRequests): void {
    const { service, endpoint = '/', organization, property, instance = `${service}-1` } = requests;
    const { rate, ms, failing = () => 0, every = ROW_INTERVAL, from, to } = requests;
    const { type: metricType = 'API_RESPONSE_TIME' } = requests;
    for (let minute = from; minute < to; minute += every) {
      const count = Math.round(rate(minute) * every);
      if (count === 0) continue;
      const { row, buckets } = makeHistogram(
        {
          timestamp: this.toMs(minute + every) - 1000,
          metricType,
          service,
          endpoint,
          instance,
          operation: 'GET',
          organizationId: organization,
          propertyId: property,
        },
        { count, ms: ms(minute), errors: Math.round(count * failing(minute)) },
      );
      this.#add('performance_metrics', [row]);
      this.#add('metric_buckets', buckets);
    }
  }

  /** Adds the depth of a queue, and the age of its oldest job in ms. */
  addQueue(
    queue: string,
    { from, to }: Span,
    depth: (minute: number) => number,
    age: (minute: number) => number,
  ): void {
    for (let minute = from; minute < to; minute += ROW_INTERVAL) {
      const row = {
        timestamp: this.toMs(minute),
        service: 'worker',
        endpoint: queue,
        operation: 'waiting',
      };
      this.#add('performance_metrics', [
        makeGauge({ ...row, metricType: 'QUEUE_DEPTH', value: depth(minute) }),
        makeGauge({ ...row, metricType: 'QUEUE_OLDEST_AGE', value: age(minute) }),
      ]);
    }
  }

  /** Adds jobs that change their state at these minutes. */
  addJobs(queue: string, minutes: readonly number[], status: string): void {
    this.#add(
      'queue_metrics',
      minutes.map((minute) => ({
        timestamp: this.toMs(minute),
        queueName: queue,
        status,
        jobId: `${lastId}`,
        id: `j${lastId++}`,
        jobType: 'send',
        test: false,
        service: 'worker',
        instance: 'worker-1',
      })),
    );
  }

  /** Stores the rows, and waits until they can be read. */
  async flush(): Promise<void> {
    for (const [table, added] of this.#pending) this.#rows.add(table, added as never);
    this.#pending.clear();
    await this.#rows.flush();
  }

  /** Receives the alerts that an evaluator sends. */
  readonly notify = ({ alerts }: AlertGroup): void => {
    for (const { rule, state, labels } of alerts)
      if (state === 'firing') this.sent.add(`${rule} ${toSubject(labels)}`);
  };

  /** The writer copies its rows for each addition, which is slow for many small additions. */
  #add<N extends TableName>(table: N, added: readonly RowTypes[N][]): void {
    const pending = this.#pending.get(table) ?? [];
    this.#pending.set(table, pending);
    pending.push(...added);
  }

  /** Evaluates all rules every `every` minutes, and records each change of an alert. */
  async run(evaluator: AlertEvaluator, { from, to }: Span, every = 1): Promise<void> {
    for (let minute = from; minute <= to; minute += every) {
      const transitions = await evaluator.runOnce(this.toMs(minute));
      this.changes.push(...transitions.map((each) => this.#toChange(each, minute)));
    }
  }

  #toChange({ rule, state, severity, labels }: Transition, minute: number): SimulatedChange {
    return { minute, rule, state, severity, subject: toSubject(JSON.parse(labels) as Labels) };
  }
}

/** Labels that identify the object of an alert, in this order. */
const SUBJECT_LABELS = ['service', 'queue', 'host', 'property', 'endpoint'];

function toSubject(labels: Labels): string {
  return SUBJECT_LABELS.flatMap((name) => labels[name] ?? []).join(' ');
}

/** Length of a day of history, in minutes, with some time before it. */
export const HISTORY_MINUTES = (26 * HOUR_MS) / MINUTE_MS;
