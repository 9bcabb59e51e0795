import type { StoredRows } from '../support/chaos-rows.ts';

/** Rows with one label. Their values are 0, 1, 2, and so on. */
export interface RecordedRows {
  readonly label: string;
  readonly recorded: number;
  /** Number of the first rows that a killed process had certainly written to the spool. */
  readonly savedRows: number;
}

export interface RowComparison {
  recorded: number;
  stored: number;
  doubled: number;
  lost: number;
  /** Lost rows that a killed process had not yet written completely to the spool. */
  unsaved: number;
}

/** Compares the values that were recorded with the values in QuestDB. */
export function compareRows(all: readonly RecordedRows[], stored: StoredRows): RowComparison {
  const sums: RowComparison = { recorded: 0, stored: 0, doubled: 0, lost: 0, unsaved: 0 };
  for (const { label, recorded: reported, savedRows } of all) {
    const { rows = 0, distinct = 0, largest = -1 } = stored.get(label) ?? {};
    // A killed process can have stored rows that it no longer reported.
    const recorded = Math.max(reported, largest + 1);
    sums.recorded += recorded;
    sums.stored += distinct;
    sums.doubled += rows - distinct;
    sums.lost += recorded - distinct;
    if (distinct === recorded) continue;
    // Rows are written in order, so only the last ones can be missing.
    sums.unsaved += recorded - Math.max(savedRows, largest + 1);
  }
  return sums;
}

/**
 * Returns the number of lost rows that were only in the memory of killed processes. If a process was killed during a
 * write, some of its last rows are in a damaged record. They are already in `droppedRows`.
 */
export function countRowsInMemory({ lost, unsaved }: RowComparison, droppedRows: number): number {
  return Math.max(0, Math.min(unsaved, lost - droppedRows));
}
