import { MOST_ROWS } from './figures.ts';
import { percentiles } from './percentiles.ts';
import { overRange } from './select.ts';
import { LENGTH_MS } from './sources.ts';
import { type Asked, buckets, workOverRange } from './work.ts';

const TENANT = ['organization_id', 'property_id'] as const;

/** Who uses how much, and how well it goes for them: the greatest share of time first. */
export function tenants(asked: Asked): string {
  const keys = [...TENANT];
  const spread = percentiles(buckets({ ...asked, keys }, overRange), keys, { p95: 0.95 });
  // NULL equals NULL in QuestDB.
  const same = keys.map((key) => `w.${key} = p.${key}`).join(' AND ');
  return `SELECT coalesce(w.organization_id, '(none)') AS "Organization", coalesce(w.property_id, '(none)') AS "Property",
  amount AS "Requests", 1000.0 * amount / ${LENGTH_MS} AS "Per second", 100.0 * total / everything AS "Share of time",
  total / amount AS "Average", p95 AS "p95", errors AS "Failed requests", 100.0 * errors / amount AS "Failed"
FROM (SELECT *, sum(total) OVER () AS everything FROM ${workOverRange({ ...asked, keys })}) w LEFT JOIN ${spread} p ON ${same} ORDER BY "Share of time" DESC LIMIT ${MOST_ROWS}`;
}

/** The tenants whose requests fail most. */
export function sufferers(asked: Asked): string {
  return `SELECT coalesce(organization_id, '(none)') AS "Organization", 100.0 * errors / amount AS "Failed", total / amount AS "Average", amount AS "Requests"
FROM ${workOverRange({ ...asked, keys: ['organization_id'] })} ORDER BY "Failed" DESC, "Average" DESC LIMIT ${MOST_ROWS}`;
}
