import { ROLLUP_DEFINITIONS } from './rollup-definitions.ts';
import { parseRollupUnit, parseRollupVersion } from './rollup-names.ts';

/**
 * Why a roll-up was replaced:
 * - `lost`: its base has lost the rows of its history, for example after `DROP TABLE`.
 * - `changed`: the rows are still in the base, but a column of the roll-up was dropped or renamed. The new
 *   roll-up must not read them again.
 */
export type RollupHistoryKind = 'lost' | 'changed';

/** A table with the intervals of a roll-up that can't be computed from its base. */
export interface RollupHistory {
  /** Name of the roll-up. A new roll-up can have the same name. */
  readonly view: string;
  /** QuestDB's ID of the roll-up. The table is in use as soon as this roll-up no longer exists. */
  readonly viewId: number;
  readonly kind: RollupHistoryKind;
}

const LETTERS: Readonly<Record<RollupHistoryKind, string>> = { lost: 'h', changed: 'c' };

export const ROLLUP_HISTORY_KINDS: readonly RollupHistoryKind[] = ['lost', 'changed'];

/** Returns the table name of a history: `metric_buckets_1m_h20`. */
export function formatRollupHistoryName({ view, viewId, kind }: RollupHistory): string {
  return `${view}_${LETTERS[kind]}${viewId}`;
}

/** Parses the table name of a history. Returns undefined for other names. */
export function parseRollupHistory(name: string): RollupHistory | undefined {
  const [, view = '', letter, id] = /^(.+)_([hc])(\d+)$/.exec(name) ?? [];
  if (parseRollupUnit(view) === undefined) return undefined;
  return { view, viewId: Number(id), kind: letter === LETTERS.lost ? 'lost' : 'changed' };
}

/**
 * Returns whether a roll-up or a history has a column. Older versions don't have the newer columns.
 */
export function hasRollupColumn(name: string, column: string): boolean {
  const view = parseRollupHistory(name)?.view ?? name;
  for (const { table, units, addedIn } of ROLLUP_DEFINITIONS) {
    for (const unit of units) {
      const version = parseRollupVersion(view, table.name, unit);
      if (version !== undefined) return version >= (addedIn[column] ?? 1);
    }
  }
  return true;
}
