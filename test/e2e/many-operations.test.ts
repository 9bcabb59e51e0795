import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { RecordedMeasurements } from '../support/recorded-measurements.ts';

/** The names of the second half would need at least five times as much if they were kept. */
const MAX_GROWTH_BYTES = 2_000_000;
/** Names of operations that are kept. */
const MAX_NAMES = 500;
/** See `many-operations.cjs`. */
const SENT_EVERY = 5;
const BATCH_SIZE = 50;

const measurements = new RecordedMeasurements();
beforeAll(() => measurements.start());
afterAll(() => measurements.remove());

async function checkManyOperations(count: number): Promise<void> {
  const service = `operations-${count}`;
  const app = new InstrumentedApp('test/apps/many-operations.cjs', {
    flags: ['--expose-gc', '--import', resolve('dist/agent-package/register.js')],
    args: [String(count)],
    // The budget for CPU time would change the names while the program is busy.
    env: { ...measurements.getEnv(service), PERFORMANCE_AGENT_MAX_CPU: '0' },
  });
  expect(await app.exited, app.output).toBe(0);
  const { half, end } = JSON.parse(app.stdout) as { half: number; end: number };
  expect(end - half).toBeLessThan(MAX_GROWTH_BYTES);

  const endpoints = measurements.readEndpoints(service) as [string, string, number, number][];
  const operations = endpoints.filter(([, name]) => name.startsWith('/graphql query Name'));
  const sentNames = operations.length;
  expect(sentNames).toBeLessThanOrEqual(MAX_NAMES);
  const others = endpoints.filter((each) => !operations.includes(each));
  const sent = count / SENT_EVERY;
  const failed = count / 100;
  const failedOperations = operations.reduce((sum, each) => sum + each[3], 0);
  expect(others).toEqual([
    ['GET', '(not found)', count / BATCH_SIZE, 0],
    ['GET', '/graphql query (other)', sent - sentNames, failed - failedOperations],
  ]);
  const rows = measurements.readRows(service, 'performance_metrics');
  const recorded = rows.filter(({ name }) => name === 'perfscope.graphql.operation.duration');
  expect(recorded.reduce((sum, each) => sum + Number(each.count), 0)).toBe(count);
  expect(new Set(recorded.map(({ endpoint }) => endpoint)).size).toBe(MAX_NAMES + 1);
  const errors = measurements.readRows(service, 'error_logs');
  expect(errors.reduce((sum, each) => sum + Number(each.count), 0)).toBe(failed);
  expect(errors.every(({ context = '' }) => context.includes('"path":"fails"'))).toBe(true);
}

it('keeps memory flat and totals exact for 20,000 names', () => checkManyOperations(10_000));
// Long: the smaller number in CI exceeds the limits too.
it('keeps memory flat and totals exact for a million names', { tags: 'long' }, () =>
  checkManyOperations(500_000),
);
