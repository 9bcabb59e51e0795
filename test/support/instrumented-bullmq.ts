import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  type BatchObservableCallback,
  createNoopMeter,
  type Meter,
  type MetricOptions,
  type Observable,
} from '@opentelemetry/api';
import type { Library } from '../../src/agent/instrumentation/loading/library.ts';
import { BULLMQ } from '../../src/agent/instrumentation/queues/bullmq/bullmq.ts';
import { QueueGauges } from '../../src/agent/instrumentation/queues/queue-gauges.ts';
import type { JobTransition } from '../../src/core/schema/tables/queue-metrics-table.ts';
import { createTestContext } from './instrumentation-context.ts';

/** A value that the queue poll observed. */
export interface QueueObservation {
  queue: unknown;
  scope: unknown;
  state: unknown;
  value: number;
}

/** Patches a copy of BullMQ, or of another queue library, in this process, and collects its transitions and observations. */
export class InstrumentedBullmq {
  readonly transitions: JobTransition[] = [];
  readonly bullmq: typeof import('bullmq');
  #poll: BatchObservableCallback = () => {};

  /** The exports of the package. */
  readonly loaded: unknown;

  /**
   * @param folder folder of the package
   * @param library default: BullMQ
   */
  constructor(folder: string, library: Library = BULLMQ) {
    const load = createRequire(import.meta.url);
    const noopMeter = createNoopMeter();
    // The no-op meter is shared, so changing it would change the meter of other parts.
    const meter = Object.assign(Object.create(noopMeter) as Meter, {
      addBatchObservableCallback: (callback: BatchObservableCallback) => {
        this.#poll = callback;
      },
      createObservableGauge: (name: string, options: MetricOptions) =>
        Object.assign(Object.create(noopMeter.createObservableGauge(name, options)) as Observable, {
          name,
        }),
    });
    const onTransition = (row: JobTransition) => void this.transitions.push(row);
    const gauges = new QueueGauges({ meter, onReachabilityChange: () => {} });
    const context = createTestContext({ queues: { onTransition, gauges } });
    const { patches = {} } = library.instrument!(context);
    // Versions 5 and 6 have different files.
    for (const [path, patch] of Object.entries(patches))
      if (existsSync(join(folder, path)))
        patch(load(join(folder, path)), { version: library.versions.from, path, folder });
    this.loaded = load(folder);
    this.bullmq = this.loaded as typeof import('bullmq');
  }

  /** Polls all queues once, and returns the values of a gauge. */
  async poll(gauge: string): Promise<QueueObservation[]> {
    const observations: QueueObservation[] = [];
    await this.#poll({
      observe(observable, value, attributes = {}) {
        if ((observable as unknown as { name: string }).name !== gauge) return;
        observations.push({
          queue: attributes['messaging.destination.name'],
          scope: attributes['perfscope.queue.scope'],
          state: attributes['perfscope.job.state'],
          value,
        });
      },
    });
    return observations;
  }

  /** Returns the distinct arrivals of a queue. Equal rows are stored as one row. */
  arrivals(queueName: string): JobTransition[] {
    const rows = this.transitions.filter(
      (row) =>
        row.queueName === queueName &&
        (row.status === 'waiting' || row.status === 'prioritized') &&
        row.duration === undefined,
    );
    return [
      ...new Map(rows.map((row) => [`${row.jobId} ${row.status} ${row.timestamp}`, row])).values(),
    ];
  }

  /**
   * Returns the states of each job in the order of their times, such as `waiting active completed`, by the job's type or ID. A
   * state with `!` is the end of a failed attempt. Equal rows are stored as one row.
   */
  histories(queueName: string): Record<string, string> {
    const jobs = new Map<string, { name: string; states: Map<string, string> }>();
    // A worker can start the next attempt before another one knows that the result of the first attempt is stored.
    const toMs = ({ timestamp = Number.NaN }: JobTransition) => Number(timestamp);
    for (const row of this.transitions.toSorted((a, b) => toMs(a) - toMs(b) || 0)) {
      if (row.queueName !== queueName) continue;
      const { jobId = '', jobType = jobId, status, timestamp, errorMessage } = row;
      const job = jobs.get(jobId) ?? { name: jobType, states: new Map() };
      jobs.set(jobId, job);
      const key = `${status} ${timestamp ?? job.states.size}`;
      job.states.set(key, errorMessage === undefined ? status : `${status}!`);
    }
    const entries = [...jobs.values()].map(({ name, states }) => [
      name,
      [...states.values()].join(' '),
    ]);
    return Object.fromEntries(entries) as Record<string, string>;
  }

  /** Returns the rows of a queue with a status. */
  rows(queueName: string, status: string): JobTransition[] {
    return this.transitions.filter((row) => row.queueName === queueName && row.status === status);
  }
}
