import { asAnyRows, type TableName, tableNamed } from '../../src/schema/tables.ts';
import { Encoder } from '../../src/write/encode.ts';
import { Poster } from '../../src/write/post.ts';
import type { ForeignQuestdb } from './questdb.ts';

/** Writes rows as the product does. @throws when QuestDB does not take them */
export async function insert(
  { target }: ForeignQuestdb,
  table: TableName,
  rows: readonly object[],
): Promise<void> {
  const poster = new Poster();
  const lines = new Encoder().encode(tableNamed(table), asAnyRows(rows as never));
  const outcome = await poster.post(target, [lines], 60_000);
  poster.close();
  if (outcome.kind !== 'stored') throw new Error(JSON.stringify(outcome));
}
