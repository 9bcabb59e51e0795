import { createRequire } from 'node:module';
import type { Attributes, Meter } from '@opentelemetry/api';
import type { DataPoint, ExponentialHistogram } from '@opentelemetry/sdk-metrics';
import { createPostgresInstrumentations } from '../../src/agent/instrumentation/databases/postgres.ts';
import type { FailedConnect } from '../../src/agent/instrumentation/databases/postgres-connects.ts';
import { createPoolMetrics } from '../../src/agent/instrumentation/databases/postgres-pools.ts';
import { HistogramRegistry } from '../../src/agent/instrumentation/histograms/histogram-registry.ts';

const require = createRequire(import.meta.url);
const unusedMeter = {
  createObservableGauge: () => ({}),
  addBatchObservableCallback: () => {},
} as unknown as Meter;

/** Patches files of `pg` and `pg-pool` in this process, as the agent does, and reads the results. */
export class PatchedPostgres {
  readonly failures: FailedConnect[] = [];
  readonly #histograms = new HistogramRegistry(() => {});

  /** @param files paths of the files in `pg` to patch */
  patch(files: readonly string[]): void {
    const [pg, pool] = createPostgresInstrumentations({
      histograms: this.#histograms,
      onQuery: () => {},
      onFailedConnect: (failure) => this.failures.push(failure),
      pools: createPoolMetrics(unusedMeter, this.#histograms),
    });
    for (const file of files) pg!.patches[file]!(require(`pg/${file}`));
    // The pool of `pg` extends the pool of `pg-pool`.
    const { Pool } = require('pg') as { Pool: object };
    pool!.patches['']!(Object.getPrototypeOf(Pool));
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
