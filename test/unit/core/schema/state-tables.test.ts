import { expect, it } from 'vitest';
import { buildCreateStateTableSql } from '../../../../src/core/schema/table-definition.ts';
import { alertsTable } from '../../../../src/core/schema/tables/alerts-table.ts';
import { silencesTable } from '../../../../src/core/schema/tables/silences-table.ts';

it('creates state tables with monthly partitions, no TTL, and one row per change', () => {
  expect(buildCreateStateTableSql(alertsTable)).toBe(
    'CREATE TABLE IF NOT EXISTS alerts (timestamp TIMESTAMP, rule SYMBOL, state SYMBOL, ' +
      'severity SYMBOL, service SYMBOL, organization_id SYMBOL, property_id SYMBOL, id VARCHAR, ' +
      'seq LONG, value DOUBLE, threshold DOUBLE, labels VARCHAR, cause VARCHAR, author VARCHAR, ' +
      'comment VARCHAR, started_at TIMESTAMP, fired_at TIMESTAMP, annotations VARCHAR, ' +
      'ends_at TIMESTAMP) TIMESTAMP(timestamp) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(timestamp, id, seq)',
  );
  expect(buildCreateStateTableSql(silencesTable)).toMatch(
    /PARTITION BY MONTH WAL DEDUP UPSERT KEYS\(timestamp, id, seq\)$/,
  );
});
