import type { WriteTarget } from '../../src/core/config/questdb-targets.ts';
import { getTable, type TableName, toAnyRows } from '../../src/core/schema/table-registry.ts';
import { IlpClient } from '../../src/storage/write/ilp-client.ts';
import { LineProtocolEncoder } from '../../src/storage/write/line-protocol-encoder.ts';

/**
 * Writes rows over ILP, as Perfscope does.
 *
 * @throws Error if QuestDB rejects the rows
 */
export async function insertRows(
  { target }: { readonly target: WriteTarget },
  table: TableName,
  rows: readonly object[],
): Promise<void> {
  const client = new IlpClient();
  const lines = new LineProtocolEncoder().encode(getTable(table), toAnyRows(rows as never));
  const outcome = await client.write(target, [lines], 60_000);
  client.close();
  if (outcome.kind !== 'stored') throw new Error(JSON.stringify(outcome));
}
