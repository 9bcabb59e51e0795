import { userInfo } from 'node:os';
import { getRowTarget } from '../core/config/questdb-targets.ts';
import { findQuestdbTargets, readStartupConfig } from '../core/config/startup-config.ts';
import { commandLogger } from '../core/log.ts';
import { OWN_SERVICE_NAME } from '../core/own-service.ts';
import type { AddRows } from '../core/schema/table-registry.ts';
import type { Actor } from '../server/access/api-key-store.ts';
import { type AuditLogger, createAuditLogger } from '../server/access/audit-logger.ts';
import { migrate } from '../storage/migrations/migrate.ts';
import { openQuestdb } from '../storage/questdb/open-questdb.ts';
import { QuestdbReader, type ReadRows } from '../storage/questdb/postgres-wire-reader.ts';
import { DroppedRowCounter } from '../storage/spool/dropped-rows.ts';
import { createWriter } from '../storage/write/create-writer.ts';

const FLUSH_TIMEOUT_MS = 15_000;

/** Functions that read and change stored state, and the actor for the audit log. */
export interface WritePipeline {
  readonly read: ReadRows;
  readonly add: AddRows;
  readonly flush: () => Promise<void>;
  readonly audit: AuditLogger;
  readonly actor: Actor;
}

/**
 * Calls `use` with access to the configured QuestDB, or to the QuestDB of the local server. If
 * there is none, temporarily starts the embedded QuestDB, because the first key must exist before a
 * server listens on a public address.
 *
 * @throws the first problem with the environment variables, or the error from QuestDB
 */
export async function withStoredState<T>(use: (pipeline: WritePipeline) => Promise<T>): Promise<T> {
  const config = readStartupConfig(OWN_SERVICE_NAME);
  const [problem] = config.problems;
  if (problem) throw problem;
  const { settings } = config;
  const existing = findQuestdbTargets(config);
  if (!existing) process.stderr.write('perfscope: Starting QuestDB temporarily …\n');
  const embedded = existing ? undefined : await openQuestdb(settings, commandLogger, () => {});
  const targets = existing ?? embedded!.getTargets();
  const reader = new QuestdbReader(targets.read);
  try {
    await migrate(targets.write, settings.retention);
    const target = () => getRowTarget(findQuestdbTargets(config) ?? targets);
    const dropped = new DroppedRowCounter();
    const writer = createWriter({
      config,
      log: commandLogger,
      dropped,
      spoolDir: undefined,
      isServer: true,
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
