import { createRequire } from 'node:module';
import type { Attributes, Meter } from '@opentelemetry/api';
import type { DataPoint, ExponentialHistogram } from '@opentelemetry/sdk-metrics';
import type { FailedConnect } from '../../src/agent/instrumentation/databases/database-recorder.ts';
import { PG, PG_POOL } from '../../src/agent/instrumentation/databases/postgres/postgres.ts';
import { HistogramRegistry } from '../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { applyPatch, createTestContext } from './instrumentation-context.ts';

const require = createRequire(import.meta.url);
const unusedMeter = {
  createObservableGauge: () => ({}),
  addBatchObservableCallback: () => {},
} as unknown as Meter;

/** Patches files of `pg` and `pg-pool` in this process, as the agent does, and reads the results. */
export class PatchedPostgres {
  readonly failures: FailedConnect[] = [];
  readonly #histograms = new HistogramRegistry(() => {});
  readonly #meter: Meter;

  /** @param meter receives the metrics of pools. Default: none. */
  constructor(meter: Meter = unusedMeter) {
    this.#meter = meter;
  }

  /** @param files paths of the files in `pg` to patch */
  patch(files: readonly string[]): void {
    const context = createTestContext({
      histograms: this.#histograms,
      meter: this.#meter,
      onFailedConnect: (failure) => this.failures.push(failure),
    });
    const { patches = {} } = PG.instrument!(context);
    for (const path of files)
      patches[path]!(require(`pg/${path}`), { version: '8.0.0', path, folder: '' });
    // The pool of `pg` extends the pool of `pg-pool`.
    const { Pool } = require('pg') as { Pool: object };
    applyPatch(PG_POOL, context, '', Object.getPrototypeOf(Pool));
  }

  /** Returns the series of a histogram with values since the last call, and their counts. */
  readSeries(name: string): [attributes: Attributes, count: number][] {
    return this.#histograms
      .collectDelta(Date.now())
      .flatMap(({ metrics }) => metrics)
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) => dataPoints as DataPoint<ExponentialHistogram>[])
      .map(({ attributes, value }) => [attributes, value.count]);
  }

  /** Returns the operation, the error type, and the count of each series of statements. */
  readStatements(): unknown[][] {
    return this.readSeries('db.client.operation.duration')
      .map(([attributes, count]) => [attributes['db.query.text'], attributes['error.type'], count])
      .sort();
  }
}
