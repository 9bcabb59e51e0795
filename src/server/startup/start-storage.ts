import { join } from 'node:path';
import type { StartupConfig } from '../../core/config/startup-config.ts';
import { startTask } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { applyRetention } from '../../storage/migrations/apply-retention.ts';
import { migrate } from '../../storage/migrations/migrate.ts';
import { SchemaRepairJob } from '../../storage/migrations/schema-repair-job.ts';
import { createFailFastClient } from '../../storage/questdb/fail-fast-client.ts';
import { openQuestdb, type QuestdbInstance } from '../../storage/questdb/open-questdb.ts';
import { QuestdbReader } from '../../storage/questdb/postgres-wire-reader.ts';
import { QuestdbQueryClient, type ScanClient } from '../../storage/questdb/query-client.ts';
import { StorageMonitor } from '../../storage/questdb/storage-monitor.ts';
import { isStoringRows } from '../../storage/questdb/storage-status.ts';
import type { ServerParts } from './part-lifecycle.ts';

export interface Storage {
  readonly questdb: QuestdbInstance;
  readonly queryClient: QuestdbQueryClient;
  /** Same as `queryClient`, but its queries fail as soon as QuestDB is known to be unreachable. */
  readonly failFastClient: ScanClient;
  /** Has its own connection, so that slow queries can't delay the revocation of a key. */
  readonly keyReader: QuestdbReader;
  readonly monitor: StorageMonitor;
}

/**
 * Starts QuestDB, repairs its schema, monitors QuestDB, and reconnects whenever QuestDB restarts.
 *
 * @param onRestart called after QuestDB has restarted, possibly on other ports
 */
export async function startStorage(
  parts: ServerParts,
  { settings }: StartupConfig,
  log: Logger,
  onRestart: () => void,
): Promise<Storage> {
  let clients: readonly (QuestdbQueryClient | QuestdbReader)[] = [];
  const questdb = await parts.start({
    name: 'QuestDB',
    start: () =>
      openQuestdb(settings, log, (targets) => {
        for (const client of clients) {
          startTask('the database connections', () => client.setTarget(targets.read));
        }
        onRestart();
      }),
    stop: (started) => started.close(),
  });
  const target = () => questdb.getTargets().write;
  const { retention } = settings;
  const report = await migrate(target(), retention);
  await applyRetention(target(), retention);
  const queryClient = await parts.start({
    name: 'the query client',
    start: () => new QuestdbQueryClient(questdb.getTargets().read),
    stop: (started) => started.close(),
  });
  const keyReader = await parts.start({
    name: 'the key reader',
    start: () => new QuestdbReader(questdb.getTargets().read),
    stop: (started) => started.close(),
  });
  clients = [queryClient, keyReader];
  const schemaRepair = new SchemaRepairJob({
    target,
    retention,
    isStoringRows: () => isStoringRows(monitor.status),
    log,
  });
  schemaRepair.recordConflicts(report);
  const monitor = new StorageMonitor({
    target,
    read: keyReader.read,
    getConflicts: () => schemaRepair.conflicts,
    questdbDir: questdb.isEmbedded ? join(questdb.dataDir, 'questdb') : undefined,
    minFreeDiskBytes: settings.PERFORMANCE_MIN_FREE_DISK_BYTES,
    log,
  });
  await parts.start({
    name: 'the storage monitor',
    start: () => monitor.start(),
    stop: () => monitor.stop(),
  });
  await parts.start({
    name: 'the schema check',
    start: () => schemaRepair.start(),
    stop: () => schemaRepair.stop(),
  });
  const failFastClient = createFailFastClient(queryClient, monitor);
  return { questdb, queryClient, failFastClient, keyReader, monitor };
}
