import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import type { Logger } from '../../core/log.ts';
import { parseRollupUnit, ROLLUP_UNITS } from '../../core/schema/rollup-definitions.ts';
import { execSql } from '../questdb/exec-sql-http.ts';

const REPAIR_INTERVAL_MS = 60_000;
const VIEWS_QUERY =
  'SELECT view_name, base_table_name, view_status, invalidation_reason FROM materialized_views()';

/** Repairs roll-ups that QuestDB has invalidated, once a minute, and logs each repair. */
export class RollupRepairJob {
  readonly #target: () => WriteTarget;
  readonly #log: Logger;
  /** Roll-ups that can't be repaired and have been logged. */
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

  /** Checks and repairs all roll-ups once. Ignores errors while QuestDB is unavailable. */
  async runOnce(): Promise<void> {
    try {
      for (const { name, reason, isRebuilding } of await repairRollups(this.#target())) {
        if (isRebuilding) this.#unrepairable.delete(name);
        else if (this.#unrepairable.has(name)) continue;
        else this.#unrepairable.add(name);
        const result = isRebuilding
          ? 'Perfscope is rebuilding it.'
          : 'Perfscope does not rebuild it, because the rows of its oldest intervals have expired. See rollup-invalid in docs/alerts.md.';
        const cause = reason === undefined ? '' : ` (${reason})`;
        this.#log.warn(`QuestDB invalidated the roll-up ${name}${cause}. ${result}`);
      }
    } catch {
      // QuestDB is unavailable. Other parts of the server report this.
    }
  }
}

interface RollupRepair {
  readonly name: string;
  /** QuestDB's reason for invalidating the roll-up. Undefined if QuestDB doesn't know it. */
  readonly reason: string | undefined;
  /**
   * Whether a rebuild was started. `false` if it would delete history that the base no longer has.
   */
  readonly isRebuilding: boolean;
}

/**
 * Rebuilds invalid roll-ups from their base, if the base still has all of their intervals. Skips a
 * roll-up whose base is also an invalid roll-up until the base is valid again.
 *
 * @returns invalid roll-ups, except skipped roll-ups
 * @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED
 */
async function repairRollups(target: WriteTarget): Promise<RollupRepair[]> {
  const { dataset } = await execSql(target, VIEWS_QUERY);
  const invalid = dataset
    .filter(([, , status]) => status === 'invalid')
    .map(([name, base, , reason]) => ({
      name: String(name),
      base: String(base),
      reason: typeof reason === 'string' ? reason : undefined,
    }));
  const invalidNames = new Set(invalid.map(({ name }) => name));
  const repairs: RollupRepair[] = [];
  for (const { name, base, reason } of invalid) {
    const unit = parseRollupUnit(name);
    if (!unit || invalidNames.has(base)) continue;
    const firstMs = await getFirstMs(target, name);
    // The first row of an interval can be up to one interval later than the interval's start.
    const isRebuilding =
      firstMs === undefined ||
      firstMs + ROLLUP_UNITS[unit].ms >
        ((await getFirstMs(target, base)) ?? Number.POSITIVE_INFINITY);
    if (isRebuilding) await execSql(target, `REFRESH MATERIALIZED VIEW ${name} FULL`);
    repairs.push({ name, reason, isRebuilding });
  }
  return repairs;
}

async function getFirstMs(target: WriteTarget, name: string): Promise<number | undefined> {
  const { dataset } = await execSql(target, `SELECT min(timestamp) FROM ${name}`);
  const first = dataset[0]?.[0];
  return typeof first === 'string' ? Date.parse(first) : undefined;
}
