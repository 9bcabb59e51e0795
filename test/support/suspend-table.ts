import type { ExternalQuestdb } from './external-questdb.ts';
import { waitFor } from './wait-for.ts';

/**
 * Suspends a table, as QuestDB does after a failed write. Needs `devMode`. Waits until all rows are applied,
 * because QuestDB clears the suspended flag when it applies a transaction.
 *
 * @param cause for example `WITH 'DISK FULL', 'no space'`. Default: none.
 */
export async function suspendTable(
  questdb: Pick<ExternalQuestdb, 'sql'>,
  table: string,
  cause = '',
): Promise<void> {
  await waitFor(async () => {
    const [[isSuspended, isApplied] = []] = await questdb.sql(
      `SELECT suspended, writerTxn = sequencerTxn FROM wal_tables() WHERE name = '${table}'`,
    );
    if (isSuspended === true) return true;
    if (isApplied === true) await questdb.sql(`ALTER TABLE ${table} SUSPEND WAL ${cause}`);
    return false;
  });
}
