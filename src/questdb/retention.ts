import type { WriteTarget } from '../config/target.ts';
import type { Retention } from '../schema/retention.ts';
import { exec } from './exec.ts';
import { wantedTtls } from './rollups.ts';

const TTLS = 'SELECT table_name, matView, ttlValue, ttlUnit FROM tables()';

/** Makes tables and roll-ups keep their rows as long as `retention` says, whatever it was before. */
export async function applyRetention(target: WriteTarget, retention: Retention): Promise<void> {
  const { dataset } = await exec(target, TTLS);
  const wanted = wantedTtls(
    dataset.map(([name]) => String(name)),
    retention,
  );
  for (const [name, isView, value, unit] of dataset) {
    const ttl = wanted.get(String(name));
    if (ttl === undefined || ttl === `${value} ${unit}`) continue;
    const kind = isView === true ? 'MATERIALIZED VIEW' : 'TABLE';
    await exec(target, ['ALTER', kind, String(name), 'SET TTL', ttl].join(' '));
  }
}
