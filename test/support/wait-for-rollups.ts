import { ROLLUP_UNITS } from '../../src/core/schema/rollup-definitions.ts';
import type { ExternalQuestdb } from './external-questdb.ts';
import { waitFor } from './wait-for.ts';

/** Resolves when all rows are applied, and every roll-up has them. */
export async function waitForRollups(questdb: ExternalQuestdb): Promise<void> {
  const applied = () =>
    waitFor(async () => {
      const waiting = await questdb.sql(
        'SELECT name FROM wal_tables() WHERE writerTxn < sequencerTxn OR suspended',
      );
      return waiting.length === 0;
    }, 120_000);
  // The finest first: each is summed from the one before.
  for (const unit of Object.keys(ROLLUP_UNITS)) {
    await applied();
    const behind = async () => {
      const views = await questdb.sql(
        'SELECT view_name, view_status, refresh_base_table_txn, base_table_txn FROM materialized_views()',
      );
      return views
        .filter(([name]) => String(name).includes(`_${unit}`))
        .filter(([, status, has, base]) => status !== 'valid' || Number(has) < Number(base))
        .map(([name]) => name);
    };
    // A request to refresh is lost when it comes while the view's own timer does so.
    await waitFor(async () => {
      for (const name of await behind())
        await questdb.sql(`REFRESH MATERIALIZED VIEW ${name} INCREMENTAL`);
      return waitFor(async () => (await behind()).length === 0, 5000);
    }, 120_000);
  }
  await applied();
}
