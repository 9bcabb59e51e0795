import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { DataPoint, ExponentialHistogram } from '@opentelemetry/sdk-metrics';
import { describe, expect, it } from 'vitest';
import { startOperation } from '../../../../../src/agent/instrumentation/context/operations.ts';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { createTestContext } from '../../../../support/instrumentation-context.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Statements after which the caches and the series are full. */
const WARM_UP = 20_000;
const MAX_GROWTH_BYTES = 5_000_000;

function readHeapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe.each(['postgresql', 'mysql'])('distinct statements of %s', (system) => {
  const kinds: [string, (i: number) => string][] = [
    ['with another table', (i: number) => `SELECT 1 FROM table_${i}`],
    ['with another value', (i: number) => `SELECT 1 FROM t WHERE id = '${i}'`],
  ];
  const title = 'leave memory flat, and totals exact: %s';
  it.each(kinds)(title, (_title, write) => check(write, 50_000));
  // Long: in CI, 50,000 statements fill all caches.
  it.each(kinds)(`${title}, a million`, { tags: 'long' }, (_title, write) =>
    check(write, 1_000_000),
  );

  function check(write: (i: number) => string, total: number): void {
    const histograms = new HistogramRegistry(() => {});
    let count = 0;
    const { databases } = createTestContext({
      histograms,
      onQuery: () => {
        count += 1;
      },
    });
    const run = (from: number, to: number) => {
      for (let i = from; i < to; i++) {
        const operation = startOperation('database');
        const statement = { operation, system, text: write(i), completed: 1 };
        databases.endStatements(statement, i % 4 === 0 ? { code: 'ER_DUP_ENTRY' } : undefined);
      }
    };
    run(0, WARM_UP);
    const before = readHeapBytes();
    run(WARM_UP, total);
    expect(readHeapBytes() - before).toBeLessThan(MAX_GROWTH_BYTES);
    expect(count).toBe(total);
    const counts = { all: 0, failed: 0 };
    const series = histograms
      .collectDelta(Date.now())
      .flatMap(({ metrics }) => metrics)
      .filter(({ descriptor }) => descriptor.name === 'db.client.operation.duration')
      .flatMap(({ dataPoints }) => dataPoints as DataPoint<ExponentialHistogram>[]);
    for (const { attributes, value } of series) {
      counts.all += value.count;
      if (attributes['error.type'] === 'ER_DUP_ENTRY') counts.failed += value.count;
    }
    expect(counts).toEqual({ all: total, failed: total / 4 });
    expect(series.length).toBeLessThan(2000);
  }
});

// Each character needs two bytes.
it.each([
  ['of 400 kB', 300, '–'.repeat(200_000)],
  ['with the maximum length in the cache', 3000, '–'.repeat(3800)],
])('keeps few statements in memory: %s', (_title, total, value) => {
  const { databases } = createTestContext();
  const before = readHeapBytes();
  for (let i = 0; i < total; i++) {
    const text = Buffer.from(`SELECT 1 FROM reservations_${i} WHERE a = '${value}'`);
    const statement = {
      operation: startOperation('database'),
      system: 'postgresql',
      text: text.toString(),
      completed: 1,
    };
    databases.endStatements(statement, undefined);
  }
  expect(readHeapBytes() - before).toBeLessThan(MAX_GROWTH_BYTES);
  // The caches are still in use.
  expect(databases.getFingerprint('SELECT 2', 'postgresql').text).toBe('SELECT ?');
});
