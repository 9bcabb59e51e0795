import type { WriteTarget } from '../config/target.ts';
import { type Retention, rollupDays } from '../schema/retention.ts';
import { createRollup, ROLLINGS, rollupName, rollupTtl, versionOf } from '../schema/rollups.ts';
import { exec } from './exec.ts';

/**
 * Makes the roll-ups that are missing. One whose definition has changed has a name of its own, so
 * that it is filled from the rows that are still there, beside the one with the longer history.
 *
 * @returns names of what was made
 */
export async function createRollups(
  target: WriteTarget,
  retention: Retention,
  rollings = ROLLINGS,
): Promise<string[]> {
  const { dataset } = await exec(target, 'SELECT view_name FROM materialized_views()');
  const there = new Set(dataset.map(([name]) => name));
  const made: string[] = [];
  for (const rolling of rollings) {
    for (const unit of rolling.units) {
      const name = rollupName(rolling, unit);
      if (there.has(name)) continue;
      await exec(target, createRollup(rolling, unit, rollupDays(retention, unit)));
      made.push(name);
    }
  }
  return made;
}

/** The TTL that every stored table and roll-up of measurements should have, by name. */
export function wantedTtls(
  names: readonly string[],
  retention: Retention,
  rollings = ROLLINGS,
): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const { table, units } of rollings) {
    for (const name of names) {
      if (name === table.name) wanted.set(name, `${retention.rawDays} DAY`);
      for (const unit of units) {
        if (versionOf(name, table.name, unit) === undefined) continue;
        wanted.set(name, rollupTtl(unit, rollupDays(retention, unit)));
      }
    }
  }
  return wanted;
}
