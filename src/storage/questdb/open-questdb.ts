import { resolve } from 'node:path';
import { findJava, installHint, missingTools, resolveJar } from '../../../scripts/java.mjs';
import type { QuestdbTargets } from '../../core/config/questdb-targets.ts';
import { getExternalQuestdbTargets } from '../../core/config/questdb-targets.ts';
import type { Settings } from '../../core/config/settings.ts';
import { createError } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { DataDirLock } from './data-dir.ts';
import { EmbeddedQuestdb } from './embedded-questdb.ts';

/** A QuestDB that is ready: the embedded one, or an existing one. */
export interface QuestdbInstance {
  /** Whether it runs in the data folder. */
  readonly isEmbedded: boolean;
  readonly dataDir: string;
  getTargets(): QuestdbTargets;
  /** Tells whoever else wants the folder where its holder listens. */
  publishUrl(url: string): void;
  close(): Promise<void>;
}

/** @throws what `EmbeddedQuestdb.start` and `DataDirLock.take` throw; PS_JAVA_MISSING */
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
  const java = findJava();
  if (java === undefined) {
    throw createError('PS_JAVA_MISSING', { hint: installHint(missingTools('start')) });
  }
  const lock = await DataDirLock.acquire(dataDir);
  try {
    const questdb = await EmbeddedQuestdb.start({
      dataDir,
      java,
      log,
      onRestart,
      jar: await resolveJar({ log: (line) => log.info(line) }),
      onLaunch: (mark) => lock.update({ questdb: mark }),
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
