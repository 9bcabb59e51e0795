import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import type { Logger } from '../../core/log.ts';
import { parseRollupUnit, ROLLUP_UNITS } from '../../core/schema/rollup-definitions.ts';
import { execSql } from '../questdb/questdb-http.ts';

const VIEWS_QUERY =
  'SELECT view_name, base_table_name, view_status, invalidation_reason FROM materialized_views()';

export interface RollupRepair {
  readonly name: string;
  /** Why QuestDB gave it up, in its own words. */
  readonly reason: string;
  /** Whether it is being summed up anew; false where that would throw away what its base has no rows of. */
  readonly isRebuilding: boolean;
}

/**
 * Has roll-ups that QuestDB has given up summed up anew from all rows of their base, if that holds
 * everything that they held. A roll-up of a roll-up has to wait until its base is valid again.
 *
 * @returns what was found, without those that wait
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
async function repairRollups(target: WriteTarget): Promise<RollupRepair[]> {
  const { dataset } = await execSql(target, VIEWS_QUERY);
  const views = dataset.map((row) => row.map(String) as [string, string, string, string]);
  const invalid = views.filter(([, , status]) => status === 'invalid');
  const unusable = new Set(invalid.map(([name]) => name));
  const found: RollupRepair[] = [];
  for (const [name, base, , reason] of invalid) {
    const unit = parseRollupUnit(name);
    if (!unit || unusable.has(base)) continue;
    const firstMs = await getFirstMs(target, name);
    // An interval begins up to its length before the first of its rows.
    const begun =
      firstMs === undefined ||
      firstMs + ROLLUP_UNITS[unit].ms >
        ((await getFirstMs(target, base)) ?? Number.POSITIVE_INFINITY);
    if (begun) await execSql(target, `REFRESH MATERIALIZED VIEW ${name} FULL`);
    found.push({ name, reason, isRebuilding: begun });
  }
  return found;
}

async function getFirstMs(target: WriteTarget, name: string): Promise<number | undefined> {
  const { dataset } = await execSql(target, `SELECT min(timestamp) FROM ${name}`);
  const first = dataset[0]?.[0];
  return typeof first === 'string' ? Date.parse(first) : undefined;
}

const REPAIR_INTERVAL_MS = 60_000;

/** Looks for roll-ups that QuestDB has given up as long as the server runs, and says what becomes of them. */
export class RollupRepairJob {
  readonly #target: () => WriteTarget;
  readonly #log: Logger;
  /** Those that stay as they are, of which it was said. */
  readonly #unrepairable = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(target: () => WriteTarget, log: Logger) {
    this.#target = target;
    this.#log = log;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.runOnce().finally(() => {
        this.#running = undefined;
      });
    }, REPAIR_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** One look. It may fail as long as QuestDB is away: the next one will tell. */
  async runOnce(): Promise<void> {
    try {
      for (const { name, reason, isRebuilding: begun } of await repairRollups(this.#target())) {
        if (begun) this.#unrepairable.delete(name);
        else if (this.#unrepairable.has(name)) continue;
        else this.#unrepairable.add(name);
        const became = begun
          ? 'it is summed up anew'
          : 'its base has no rows any more of its oldest intervals, so it stays as it is: see rollup-invalid in docs/alerts.md';
        this.#log.warn(`QuestDB has given up the roll-up ${name} (${reason}): ${became}`);
      }
    } catch {
      // QuestDB is away, which others notice and say.
    }
  }
}
