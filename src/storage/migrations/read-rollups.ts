import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import {
  ROLLUP_DEFINITIONS,
  ROLLUP_UNITS,
  type RollupDefinition,
  type RollupUnit,
} from '../../core/schema/rollup-definitions.ts';
import { parseRollupVersion } from '../../core/schema/rollup-names.ts';
import { execSql } from '../questdb/exec-sql-http.ts';
import { readTableIds } from './read-schema.ts';

const VIEWS_QUERY =
  'SELECT view_name, base_table_name, view_status, invalidation_reason, last_refresh_finish_timestamp FROM materialized_views()';

/** A roll-up in QuestDB, of any version. */
export interface StoredRollup {
  readonly name: string;
  /** Newer tables and roll-ups have greater IDs. */
  readonly id: number;
  readonly definition: RollupDefinition;
  readonly version: number;
  readonly unit: RollupUnit;
  /** Name of the table or roll-up from which it is computed. */
  readonly base: string;
  readonly isInvalid: boolean;
  /** Whether it has been computed at least once, so that it contains the rows of its base. */
  readonly isComputed: boolean;
  /** QuestDB's reason for invalidating the roll-up. Undefined if QuestDB doesn't know it. */
  readonly reason: string | undefined;
}

/** All tables and roll-ups in QuestDB. */
export interface StoredRollups {
  /** IDs of tables and roll-ups by name. */
  readonly ids: ReadonlyMap<string, number>;
  /** Perfscope's roll-ups, the finest units first. */
  readonly rollups: readonly StoredRollup[];
}

/** @throws PS_QUESTDB_UNREACHABLE, PS_QUESTDB_REFUSED */
export async function readRollups(target: WriteTarget): Promise<StoredRollups> {
  const { dataset: views } = await execSql(target, VIEWS_QUERY);
  const ids = await readTableIds(target);
  const rollups = views.flatMap(([viewName, base, status, reason, computed]) => {
    const name = String(viewName);
    const parsed = parseName(name);
    const id = ids.get(name);
    if (!parsed || id === undefined) return [];
    return {
      ...parsed,
      name,
      id,
      base: String(base),
      isInvalid: status === 'invalid',
      isComputed: typeof computed === 'string',
      reason: typeof reason === 'string' ? reason : undefined,
    };
  });
  return {
    ids,
    rollups: rollups.sort((a, b) => ROLLUP_UNITS[a.unit].ms - ROLLUP_UNITS[b.unit].ms),
  };
}

function parseName(
  name: string,
): Pick<StoredRollup, 'definition' | 'version' | 'unit'> | undefined {
  for (const definition of ROLLUP_DEFINITIONS) {
    for (const unit of definition.units) {
      const version = parseRollupVersion(name, definition.table.name, unit);
      if (version !== undefined) return { definition, version, unit };
    }
  }
  return undefined;
}
