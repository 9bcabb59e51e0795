import type { WriteTarget } from '../config/target.ts';
import { ROLLUP_UNITS } from '../schema/rollup-units.ts';
import { unitOf } from '../schema/rollups.ts';
import { exec } from './exec.ts';

const VIEWS =
  'SELECT view_name, base_table_name, view_status, invalidation_reason FROM materialized_views()';

export interface Mending {
  readonly name: string;
  /** Why QuestDB gave it up, in its own words. */
  readonly reason: string;
  /** Whether it is being summed up anew; false where that would throw away what its base has no rows of. */
  readonly begun: boolean;
}

/**
 * Has roll-ups that QuestDB has given up summed up anew from all rows of their base, if that holds
 * everything that they held. A roll-up of a roll-up has to wait until its base is valid again.
 *
 * @returns what was found, without those that wait
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
export async function mendRollups(target: WriteTarget): Promise<Mending[]> {
  const { dataset } = await exec(target, VIEWS);
  const views = dataset.map((row) => row.map(String) as [string, string, string, string]);
  const invalid = views.filter(([, , status]) => status === 'invalid');
  const unusable = new Set(invalid.map(([name]) => name));
  const found: Mending[] = [];
  for (const [name, base, , reason] of invalid) {
    const unit = unitOf(name);
    if (!unit || unusable.has(base)) continue;
    const firstMs = await firstOf(target, name);
    // An interval begins up to its length before the first of its rows.
    const begun =
      firstMs === undefined ||
      firstMs + ROLLUP_UNITS[unit].ms > ((await firstOf(target, base)) ?? Number.POSITIVE_INFINITY);
    if (begun) await exec(target, `REFRESH MATERIALIZED VIEW ${name} FULL`);
    found.push({ name, reason, begun });
  }
  return found;
}

async function firstOf(target: WriteTarget, name: string): Promise<number | undefined> {
  const { dataset } = await exec(target, `SELECT min(timestamp) FROM ${name}`);
  const first = dataset[0]?.[0];
  return typeof first === 'string' ? Date.parse(first) : undefined;
}
