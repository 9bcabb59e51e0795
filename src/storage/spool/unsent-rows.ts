import { type Batch, isOlder } from './batch.ts';
import { removeFirstRows } from './batch-lines.ts';

/** Rows of one table that were read, but not all sent. */
export interface UnsentTable {
  /** Number of rows of the table in the reading, without expired batches. */
  readonly rows: number;
  /** Number of the first of these rows that were stored or set aside. */
  readonly handledRows: number;
  /** Batches with only older rows were dropped and counted. In ms since the epoch. Undefined: none. */
  readonly expiredBeforeMs?: number | undefined;
}

/** The rows of a reading that could not be sent, because QuestDB doesn't accept rows of their tables. */
export interface UnsentRows {
  readonly tables: ReadonlyMap<string, UnsentTable>;
  /** The table whose rows are being sent, so that the memory of the batches must not be used again. */
  readonly tableInFlight?: string | undefined;
}

export const NOTHING_UNSENT: UnsentTable = { rows: 0, handledRows: 0 };

/** Returns the batches of one table that did not expire, in the same order. */
export function removeExpired(
  batches: readonly Batch[],
  expiredBeforeMs = Number.NEGATIVE_INFINITY,
): readonly Batch[] {
  return batches.filter((batch) => !isOlder(batch, expiredBeforeMs));
}

/** Returns the batches of one table without the rows that were handled or dropped in an earlier attempt. */
export function removeHandled(batches: readonly Batch[], unsent: UnsentTable): readonly Batch[] {
  return removeFirstRows(removeExpired(batches, unsent.expiredBeforeMs), unsent.handledRows);
}

export function sumRows(batches: readonly Batch[]): number {
  return batches.reduce((sum, { rows }) => sum + rows, 0);
}
