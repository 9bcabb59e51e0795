import { resolve } from 'node:path';
import type { Settings } from '../../core/config/parse-settings.ts';
import type { QuestdbTargets } from '../../core/config/questdb-targets.ts';
import { getExternalQuestdbTargets } from '../../core/config/questdb-targets.ts';
import type { Logger } from '../../core/log.ts';
import { DataDirLock } from './data-dir.ts';
import { resolveQuestdbRuntime } from './questdb-runtime.ts';
import { EmbeddedQuestdb } from './questdb-supervisor.ts';

/** A QuestDB that accepts queries: embedded or external. */
export interface QuestdbInstance {
  /** Whether Perfscope runs this QuestDB, with its files in `dataDir`. */
  readonly isEmbedded: boolean;
  readonly dataDir: string;
  getTargets(): QuestdbTargets;
  /** Writes the server's URL to the lock file, so that `PS_DATA_DIR_HELD` errors can show it. */
  publishUrl(url: string): void;
  close(): Promise<void>;
}

/**
 * Connects to the external QuestDB from the settings, or starts the embedded QuestDB.
 *
 * @throws an error of `resolveQuestdbRuntime`, `DataDirLock.acquire`, or `EmbeddedQuestdb.start`
 */
export async function openQuestdb(
  settings: Settings,
  log: Logger,
  onRestart: (targets: QuestdbTargets) => void,
): Promise<QuestdbInstance> {
  const dataDir = resolve(settings.PERFORMANCE_DATA_DIR);
  const external = getExternalQuestdbTargets(settings);
  if (external) {
    return {
      isEmbedded: false,
      dataDir,
      getTargets: () => external,
      publishUrl: () => {},
      close: async () => {},
    };
  }
  const runtime = await resolveQuestdbRuntime(log);
  const lock = await DataDirLock.acquire(dataDir);
  try {
    const questdb = await EmbeddedQuestdb.start({
      ...runtime,
      dataDir,
      log,
      onRestart,
      onLaunch: (identity) => lock.update({ questdb: identity }),
    });
    return {
      isEmbedded: true,
      dataDir,
      getTargets: () => questdb.targets,
      publishUrl: (url) => lock.update({ url }),
      close: async () => {
        await questdb.stop();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
