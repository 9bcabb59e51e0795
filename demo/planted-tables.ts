// Tables of scenarios. They exist only while their scenario runs, so that the demo's other figures don't change.
import type pg from 'pg';
import type { Scenario } from './scenarios.ts';

/** Without parallel workers, statements take as long on hosts with many CPUs. */
const SETTINGS = 'WITH (parallel_workers = 0, autovacuum_enabled = false)';

interface PlantedTable {
  readonly name: string;
  readonly create: readonly string[];
}

const TABLES: Partial<Record<Scenario, PlantedTable>> = {
  'missing-index': {
    name: 'guest_profiles',
    create: [
      `CREATE TABLE guest_profiles ${SETTINGS} AS
       SELECT n AS id, 'Guest' || n || '@mail.example' AS email FROM generate_series(1, 500000) n`,
    ],
  },
  'slow-table': {
    name: 'rate_changes',
    create: [
      `CREATE TABLE rate_changes ${SETTINGS} AS
       SELECT n AS id, 'hotel-' || n % 4 AS property, 80 + (n % 700)::numeric / 10 AS price,
         current_date - n % 2000 AS changed FROM generate_series(1, 800000) n`,
    ],
  },
  'chatty-transactions': {
    name: 'invoice_lines',
    create: ['CREATE TABLE invoice_lines (booking bigint, line int, amount numeric)'],
  },
  'repeated-reads': {
    name: 'seasonal_rates',
    create: [
      `CREATE TABLE seasonal_rates ${SETTINGS} AS
       SELECT n % 4 AS hotel, 80 + n % 50 AS price, n % 365 AS day FROM generate_series(1, 5000) n`,
    ],
  },
  'slow-tenant': {
    name: 'rates',
    create: [
      `CREATE TABLE rates ${SETTINGS} AS
       SELECT CASE WHEN n <= 600000 THEN 'airport' ELSE 'other' END AS property, n AS id,
         80 + n % 50 AS price, current_date + n % 365 AS day FROM generate_series(1, 600001) n`,
      'CREATE INDEX ON rates (property)',
    ],
  },
};

/** Creates the table of a scenario, if it has one. */
export async function createPlantedTable(pool: pg.Pool, scenario: Scenario): Promise<void> {
  const table = TABLES[scenario];
  if (!table) return;
  await dropPlantedTable(pool, scenario);
  for (const statement of table.create) await pool.query(statement);
  await pool.query(`ANALYZE ${table.name}`);
}

/** Deletes the table of a scenario, if it has one. */
export async function dropPlantedTable(pool: pg.Pool, scenario: Scenario): Promise<void> {
  const table = TABLES[scenario];
  if (table) await pool.query(`DROP TABLE IF EXISTS ${table.name}`);
}
