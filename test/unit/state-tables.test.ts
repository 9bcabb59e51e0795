import { expect, it } from 'vitest';
import { alerts } from '../../src/schema/alerts.ts';
import { createStateTable } from '../../src/schema/ddl.ts';
import { silences } from '../../src/schema/silences.ts';

it('tables of states are kept for ever, by month, one row for each change', () => {
  expect(createStateTable(alerts)).toBe(
    'CREATE TABLE IF NOT EXISTS alerts (timestamp TIMESTAMP, rule SYMBOL, state SYMBOL, ' +
      'severity SYMBOL, service SYMBOL, organization_id SYMBOL, property_id SYMBOL, id VARCHAR, ' +
      'seq LONG, value DOUBLE, threshold DOUBLE, labels VARCHAR, cause VARCHAR, author VARCHAR, ' +
      'comment VARCHAR, started_at TIMESTAMP, fired_at TIMESTAMP) TIMESTAMP(timestamp) ' +
      'PARTITION BY MONTH WAL DEDUP UPSERT KEYS(timestamp, id, seq)',
  );
  expect(createStateTable(silences)).toMatch(
    /PARTITION BY MONTH WAL DEDUP UPSERT KEYS\(timestamp, id, seq\)$/,
  );
});
