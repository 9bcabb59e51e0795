import { ROLLUP_UNITS } from '../../src/core/schema/rollup-definitions.ts';
import type { ExternalQuestdb } from './external-questdb.ts';
import { waitFor } from './wait-for.ts';

const VIEWS_SQL =
  'SELECT view_name, view_status, refresh_base_table_txn, base_table_txn FROM materialized_views()';
/** How long to wait for a refresh before it is requested again, in ms. */
const REFRESH_WAIT_MS = 5000;

/**
 * Waits until every roll-up contains all rows that have been written so far. Other processes can continue to
 * write rows.
 *
 * @param timeoutMs maximum time per roll-up unit
 */
export async function waitForRollups(
  questdb: Pick<ExternalQuestdb, 'sql'>,
  timeoutMs = 120_000,
): Promise<void> {
  // Starts with the finest unit, because each roll-up is computed from the next finer one.
  for (const unit of Object.keys(ROLLUP_UNITS)) {
    await waitForWal(questdb, timeoutMs);
    const listViews = async () =>
      (await questdb.sql(VIEWS_SQL)).filter(([name]) => String(name).includes(`_${unit}`));
    const targetTxns = new Map((await listViews()).map(([name, , , txn]) => [name, Number(txn)]));
    const findDelayed = async () =>
      (await listViews())
        .filter(
          ([name, status, txn]) => status !== 'valid' || Number(txn) < (targetTxns.get(name) ?? 0),
        )
        .map(([name]) => name);
    // QuestDB ignores a refresh request while the view's own timer is refreshing it, so the request is repeated.
    await waitFor(async () => {
      for (const name of await findDelayed())
        await questdb.sql(`REFRESH MATERIALIZED VIEW ${name} INCREMENTAL`);
      return waitFor(async () => (await findDelayed()).length === 0, REFRESH_WAIT_MS);
    }, timeoutMs);
  }
  await waitForWal(questdb, timeoutMs);
}

/** Waits until all transactions are applied, so that all written rows can be read. */
export async function waitForWal(
  questdb: Pick<ExternalQuestdb, 'sql'>,
  timeoutMs = 240_000,
): Promise<void> {
  await waitFor(async () => {
    const pending = await questdb.sql(
      'SELECT name FROM wal_tables() WHERE writerTxn < sequencerTxn OR suspended',
    );
    return pending.length === 0;
  }, timeoutMs);
}
