import type { AddRows } from '../../src/core/schema/table-registry.ts';
import { createRowWriter } from './create-row-writer.ts';
import type { PerfscopeServer } from './perfscope-server.ts';

/** Stores the rows that `addRows` adds in the QuestDB of a server. */
export async function writeRows(
  server: PerfscopeServer,
  addRows: (add: AddRows) => void,
): Promise<void> {
  const writer = createRowWriter({
    spoolDir: `${server.folder}/test-spool`,
    bufferSize: 100_000,
    target: () => server.questdb.write,
  });
  addRows(writer.add);
  await writer.flush(60_000);
  await writer.close();
}
