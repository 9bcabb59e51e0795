import { resolve } from 'node:path';
import { findJava, installHint, missingTools, resolveJar } from '../../scripts/java.mjs';
import { externalQuestdb } from '../config/external.ts';
import type { Settings } from '../config/settings.ts';
import type { QuestdbTargets } from '../config/target.ts';
import { coded } from '../errors.ts';
import type { Log } from '../log.ts';
import { DataDirLock } from './data-dir.ts';
import { EmbeddedQuestdb } from './embedded.ts';

/** A QuestDB that is ready: the embedded one, or an existing one. */
export interface OpenQuestdb {
  /** Whether it runs in the data folder. */
  readonly isOwn: boolean;
  readonly dataDir: string;
  targets(): QuestdbTargets;
  /** Tells whoever else wants the folder where its holder listens. */
  tell(url: string): void;
  close(): Promise<void>;
}

/** @throws what `EmbeddedQuestdb.start` and `DataDirLock.take` throw; PS_JAVA_MISSING */
export async function openQuestdb(
  settings: Settings,
  log: Log,
  onRestart: (targets: QuestdbTargets) => void,
): Promise<OpenQuestdb> {
  const dataDir = resolve(settings.PERFORMANCE_DATA_DIR);
  const external = externalQuestdb(settings);
  if (external) {
    return {
      isOwn: false,
      dataDir,
      targets: () => external,
      tell: () => {},
      close: async () => {},
    };
  }
  const java = findJava();
  if (java === undefined) {
    throw coded('PS_JAVA_MISSING', { hint: installHint(missingTools('start')) });
  }
  const lock = await DataDirLock.take(dataDir);
  try {
    const questdb = await EmbeddedQuestdb.start({
      dataDir,
      java,
      log,
      onRestart,
      jar: await resolveJar({ log: (line) => log.info(line) }),
      onLaunch: (mark) => lock.tell({ questdb: mark }),
    });
    return {
      isOwn: true,
      dataDir,
      targets: () => questdb.targets,
      tell: (url) => lock.tell({ url }),
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
