import { expect, it } from 'vitest';
import { MEASUREMENT_TABLES, STATE_TABLES } from '../../../../src/core/schema/table-registry.ts';
import { InternalMetricsReader } from '../../../../src/server/alerts/rule-queries/internal-metrics.ts';
import type { Row } from '../../../../src/storage/questdb/postgres-wire-reader.ts';

it('observes every table and roll-up of Perfscope, and no table of a user', async () => {
  const tables = [...MEASUREMENT_TABLES, ...STATE_TABLES].map(({ name }) => name);
  const names = [...tables, 'metric_buckets_1d', 'performance_metrics_1m_v3'];
  const toRow = (name: string) => ({ name, suspended: true, applied: 1, written: 2 });
  const read = (_scope: unknown, statement: object): Promise<Row[]> =>
    Promise.resolve(
      JSON.stringify(statement).includes('wal_tables()') ? [...names, 'users_own'].map(toRow) : [],
    );
  const queryClient = { read, getCatalog: () => Promise.resolve(new Map()) };
  const reader = new InternalMetricsReader(queryClient, () => ({
    service: 'perfscope',
    instance: 'one',
    spoolBytes: 0,
    spoolLagMs: 0,
    deadLetterRows: 0,
    droppedRows: 0,
  }));
  const metrics = await reader.read([], 1000, true);
  const observed = metrics.questdb_suspended_tables?.map(({ labels, value }) => [
    labels.table,
    value,
  ]);
  expect(observed).toEqual(names.map((name) => [name, 1]));
  expect(metrics.questdb_lag?.map(({ labels }) => labels.table)).toEqual(names);
});
