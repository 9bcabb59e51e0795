import { stderrLogger } from '../../src/core/log.ts';
import { migrateTables } from '../../src/storage/migrations/migrate.ts';
import { DroppedRowCounter } from '../../src/storage/spool/dropped-rows.ts';
import { RowWriter } from '../../src/storage/write/row-writer.ts';
import { DEFAULT_RETENTION } from './default-retention.ts';
import { ExternalQuestdb } from './external-questdb.ts';

const INTERVAL_MS = 500;

/**
 * Runs a QuestDB and, as a server does, sends the rows that processes leave in the spool when they exit. On a busy
 * machine, a process often can't send its last rows within `PERFORMANCE_EXIT_TIMEOUT`. Use it in each test that
 * reads rows of an exited process and starts no server.
 */
export class QuestdbWithSpoolSender extends ExternalQuestdb {
  #writer: RowWriter | undefined;
  #adoptTimer: NodeJS.Timeout | undefined;

  override async start(): Promise<void> {
    await super.start();
    const writer = new RowWriter({
      isServer: true,
      spoolDir: `${this.folder}/spool`,
      spoolMaxBytes: 1e9,
      retentionDays: DEFAULT_RETENTION.rawDays,
      bufferSize: 100,
      flushIntervalMs: INTERVAL_MS,
      log: stderrLogger,
      dropped: new DroppedRowCounter(),
      target: () => this.target,
      ensureTables: async (target) => {
        await migrateTables(target, DEFAULT_RETENTION);
      },
    });
    this.#writer = writer;
    this.#adoptTimer = setInterval(() => writer.adoptSpool(), INTERVAL_MS);
  }

  override async remove(): Promise<void> {
    clearInterval(this.#adoptTimer);
    await this.#writer?.close();
    await super.remove();
  }
}
