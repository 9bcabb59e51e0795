import { userInfo } from 'node:os';
import { createWriter } from '../storage/write/create-writer.ts';
import { findQuestdbTargets, readStartupConfig } from '../core/config/startup-config.ts';
import { stderrLogger } from '../core/log.ts';
import type { AddRows } from '../core/schema/table-registry.ts';
import type { Actor } from '../server/access/api-key-store.ts';
import { type AuditLogger, createAuditLogger } from '../server/access/audit-logger.ts';
import { migrate } from '../storage/migrations/migrate.ts';
import { openQuestdb } from '../storage/questdb/open-questdb.ts';
import { QuestdbReader, type ReadRows } from '../storage/questdb/questdb-reader.ts';
import { DroppedRowCounter } from '../storage/write/dropped-rows.ts';

const FLUSH_TIMEOUT_MS = 15_000;

/** How a command reads and changes states, and as whom. */
export interface WritePipeline {
  readonly read: ReadRows;
  readonly add: AddRows;
  readonly flush: () => Promise<void>;
  readonly audit: AuditLogger;
  readonly actor: Actor;
}

/**
 * Gives `use` the road to the configured QuestDB, or to that of the server that runs on this
 * machine. Where there is neither, the embedded QuestDB is started for the moment: the first key
 * must be there before a server listens on an address that others reach.
 *
 * @throws the first problem of the environment; what starting and reading QuestDB throws
 */
export async function withStoredState<T>(use: (road: WritePipeline) => Promise<T>): Promise<T> {
  const started = readStartupConfig('perfscope');
  const [problem] = started.problems;
  if (problem) throw problem;
  const { settings } = started;
  const known = findQuestdbTargets(started);
  if (!known) process.stderr.write('perfscope: starting QuestDB for a moment …\n');
  const embedded = known ? undefined : await openQuestdb(settings, stderrLogger, () => {});
  const targets = known ?? embedded!.getTargets();
  const reader = new QuestdbReader(targets.read);
  try {
    await migrate(targets.write, settings.retention);
    const target = () => targets.write;
    const dropped = new DroppedRowCounter();
    const writer = createWriter({
      config: started,
      log: stderrLogger,
      dropped,
      spoolDir: undefined,
      target,
    });
    try {
      const { add } = writer;
      const flush = () => writer.flush(FLUSH_TIMEOUT_MS);
      const actor = { author: `cli:${userInfo().username}` };
      return await use({ read: reader.read, add, flush, audit: createAuditLogger(add), actor });
    } finally {
      await writer.close();
    }
  } finally {
    await reader.close();
    await embedded?.close();
  }
}
