import { afterEach, expect, it } from 'vitest';
import { toMetricRows } from '../../../../../src/agent/export/otel-metric-rows.ts';
import { createJobRun } from '../../../../../src/agent/instrumentation/context/caller.ts';
import { startOperation } from '../../../../../src/agent/instrumentation/context/operations.ts';
import {
  runJob,
  runWithTenant,
  type Tenant,
} from '../../../../../src/agent/instrumentation/context/tenant-context.ts';
import { createSentStatement } from '../../../../../src/agent/instrumentation/databases/statement-parts.ts';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { OverheadLevel, overhead } from '../../../../../src/agent/overhead/overhead-level.ts';
import {
  REPEATED_EXECUTIONS_METRIC_NAME,
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
} from '../../../../../src/core/suggestion-metrics.ts';
import { createTestContext } from '../../../../support/instrumentation-context.ts';

afterEach(() => {
  overhead.level = OverheadLevel.FULL;
});

interface SentOptions {
  values?: unknown;
  returnedRows?: number;
  connection?: object;
  error?: unknown;
}

/** Records statements as the drivers do, and returns the rows of a metric. */
function createRecorder() {
  const histograms = new HistogramRegistry(() => {});
  const { databases } = createTestContext({ histograms });
  const send = (text: string, { error, connection, ...rest }: SentOptions = {}) => {
    const operation = startOperation('database');
    const statement = createSentStatement(operation, 'postgresql', text, connection);
    databases.endStatements(Object.assign(statement, { completed: 1, ...rest }), error);
  };
  const takeRows = (metric: string) =>
    toMetricRows(histograms.collectDelta(Date.now()), { service: 's', instance: 'i' })
      .metrics.filter(({ name }) => name === metric)
      .map(({ endpoint, operation, organizationId, propertyId, unit, count, sum, max }) => ({
        ...{ endpoint, operation, unit, count, sum, max },
        ...(organizationId && { organizationId, propertyId }),
      }));
  return { send, takeRows };
}

const SEASIDE: Tenant = { organizationId: 'grand', propertyId: 'seaside' };

it('records the rows of statements that returned at least 100', () => {
  const { send, takeRows } = createRecorder();
  runWithTenant(SEASIDE, () => {
    send('SELECT * FROM bookings WHERE room = 1', { returnedRows: 250 });
    send('SELECT * FROM bookings WHERE room = 2', { returnedRows: 100 });
    send('SELECT * FROM bookings WHERE room = 3', { returnedRows: 99 });
    send('SELECT * FROM bookings WHERE room = 4', { returnedRows: 500, error: new Error('late') });
  });
  expect(takeRows(RETURNED_ROWS_METRIC_NAME)).toEqual([
    {
      endpoint: 'SELECT * FROM bookings WHERE room = ?',
      operation: 'SELECT',
      unit: '{row}',
      count: 2,
      sum: 350,
      max: 250,
      ...SEASIDE,
    },
  ]);
});

it('records the statements of a transaction with its job and the most frequent statement', () => {
  const { send, takeRows } = createRecorder();
  const connection = {};
  const runTransaction = (count: number, last: string) => {
    send('BEGIN', { connection });
    for (let i = 0; i < count; i++) {
      send('UPDATE rooms SET price = 1 WHERE id = 2', { connection });
      // Another connection isn't a part of the transaction.
      send('SELECT 1', { connection: {} });
    }
    send('SAVEPOINT s', { connection });
    send('ROLLBACK TO SAVEPOINT s', { connection });
    send(last, { connection });
  };
  runJob(createJobRun('prices', 'update', SEASIDE), () => {
    runTransaction(10, 'COMMIT');
    runTransaction(20, 'ROLLBACK');
    runTransaction(7, 'COMMIT');
  });
  // Without a request or a job, the suggestion could not name the code.
  runTransaction(50, 'COMMIT');
  expect(takeRows(TRANSACTION_STATEMENTS_METRIC_NAME)).toEqual([
    {
      endpoint: 'prices:update',
      operation: 'UPDATE rooms SET price = ? WHERE id = ?',
      unit: '{statement}',
      count: 2,
      sum: 12 + 22,
      max: 22,
      ...SEASIDE,
    },
  ]);
});

it('counts repeated executions of reads, by statement and tenant', () => {
  const { send, takeRows } = createRecorder();
  const read = (id: number) =>
    send('SELECT name FROM settings WHERE id = $1', { values: [id, 'hotel'] });
  for (let i = 0; i < 5; i++) {
    read(1);
    runWithTenant(SEASIDE, () => read(1));
    read(i);
    send(`SELECT name FROM rooms WHERE id = ${i % 2}`);
    send(`SELECT name FROM rooms WHERE id = ${i + 10} FOR UPDATE`);
    send('SELECT name FROM rooms WHERE id = 9 FOR NO KEY UPDATE');
    send('SELECT now()');
    send('UPDATE rooms SET name = $1', { values: ['a'] });
    send('SELECT failed FROM rooms', { error: new Error('failed') });
  }
  expect(takeRows(REPEATED_EXECUTIONS_METRIC_NAME)).toEqual([
    expect.objectContaining({
      endpoint: 'SELECT name FROM settings WHERE id = ?',
      operation: 'SELECT',
      sum: 5,
      ...SEASIDE,
    }),
    expect.objectContaining({ endpoint: 'SELECT name FROM settings WHERE id = ?', sum: 5 }),
    expect.objectContaining({ endpoint: 'SELECT name FROM rooms WHERE id = ?', sum: 3 }),
  ]);
  // Series without an increase have no row.
  expect(takeRows(REPEATED_EXECUTIONS_METRIC_NAME)).toEqual([]);
  read(1);
  expect(takeRows(REPEATED_EXECUTIONS_METRIC_NAME)).toMatchObject([{ sum: 1 }]);
});

it('omits repeated executions if the agent exceeds its limits', () => {
  const { send, takeRows } = createRecorder();
  overhead.level = OverheadLevel.NO_SAMPLE_PARTS;
  for (let i = 0; i < 3; i++) send('SELECT name FROM rooms WHERE id = 1');
  expect(takeRows(REPEATED_EXECUTIONS_METRIC_NAME)).toEqual([]);
});
