import { userInfo } from 'node:os';
import { type Audit, auditTo } from '../access/audit.ts';
import type { Actor } from '../access/key-store.ts';
import { readEnvironment } from '../config/environment.ts';
import { knownQuestdb } from '../config/locate.ts';
import { stderrLog } from '../log.ts';
import { openWriter } from '../open-writer.ts';
import { migrate } from '../questdb/migrate.ts';
import { openQuestdb } from '../questdb/open.ts';
import { type Read, Reader } from '../questdb/reader.ts';
import type { Add } from '../schema/tables.ts';
import { DroppedRows } from '../write/dropped.ts';

const FLUSH_WITHIN_MS = 15_000;

/** How a command reads and changes states, and as whom. */
export interface Road {
  readonly read: Read;
  readonly add: Add;
  readonly flush: () => Promise<void>;
  readonly audit: Audit;
  readonly actor: Actor;
}

/**
 * Gives `use` the road to the configured QuestDB, or to that of the server that runs on this
 * machine. Where there is neither, the embedded QuestDB is started for the moment: the first key
 * must be there before a server listens on an address that others reach.
 *
 * @throws the first problem of the environment; what starting and reading QuestDB throws
 */
export async function withRoad<T>(use: (road: Road) => Promise<T>): Promise<T> {
  const started = readEnvironment('perfscope');
  const [problem] = started.problems;
  if (problem) throw problem;
  const { settings } = started;
  const known = knownQuestdb(started);
  if (!known) process.stderr.write('perfscope: starting QuestDB for a moment …\n');
  const embedded = known ? undefined : await openQuestdb(settings, stderrLog, () => {});
  const targets = known ?? embedded!.targets();
  const reader = new Reader(targets.read);
  try {
    await migrate(targets.write, settings.retention);
    const target = () => targets.write;
    const dropped = new DroppedRows();
    const writer = openWriter({ started, log: stderrLog, dropped, spoolDir: undefined, target });
    try {
      const { add } = writer;
      const flush = () => writer.flush(FLUSH_WITHIN_MS);
      const actor = { author: `cli:${userInfo().username}` };
      return await use({ read: reader.read, add, flush, audit: auditTo(add), actor });
    } finally {
      await writer.close();
    }
  } finally {
    await reader.close();
    await embedded?.close();
  }
}
