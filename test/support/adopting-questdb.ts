import { stderrLog } from '../../src/log.ts';
import { migrateTables } from '../../src/questdb/migrate.ts';
import { DroppedRows } from '../../src/write/dropped.ts';
import { Writer } from '../../src/write/writer.ts';
import { ForeignQuestdb } from './questdb.ts';
import { RETENTION } from './retention.ts';

const EVERY_MS = 500;

/**
 * A QuestDB beside which somebody sends what short processes leave in the spool, as a server does: on a
 * busy machine two seconds may not be enough for their last flush.
 */
export class AdoptingQuestdb extends ForeignQuestdb {
  #writer: Writer | undefined;
  #adopting: NodeJS.Timeout | undefined;

  override async start(): Promise<void> {
    await super.start();
    const writer = new Writer({
      spoolDir: `${this.folder}/spool`,
      spoolMaxBytes: 1e9,
      retentionDays: RETENTION.rawDays,
      bufferSize: 100,
      flushIntervalMs: EVERY_MS,
      log: stderrLog,
      dropped: new DroppedRows(),
      target: () => this.target,
      prepare: async (target) => {
        await migrateTables(target, RETENTION);
      },
    });
    this.#writer = writer;
    this.#adopting = setInterval(() => writer.adopt(), EVERY_MS);
  }

  override async remove(): Promise<void> {
    clearInterval(this.#adopting);
    await this.#writer?.close();
    await super.remove();
  }
}
