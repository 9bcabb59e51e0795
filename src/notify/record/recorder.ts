import { Feed } from '../../schema/feed.ts';
import type { NotificationRow } from '../../schema/notifications.ts';
import type { Add } from '../../schema/tables.ts';

export interface RecorderOptions {
  readonly add: Add;
  /** Puts what was added on disk, and sends it. */
  readonly flush: () => Promise<void>;
}

/** Writes what became of messages as rows of `notifications`, and tells whoever listens. */
export class Recorder {
  readonly feed = new Feed<NotificationRow>();
  readonly #options: RecorderOptions;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  note(row: NotificationRow): void {
    this.#options.add('notifications', [row]);
    this.feed.tell(row);
    void this.flush();
  }

  /** Resolves when all that was noted is stored, or safe in the spool. Never rejects. */
  flush(): Promise<void> {
    // One at a time, and one more for all that is noted meanwhile: while QuestDB is away each takes long.
    this.#next ??= this.#running
      .then(() => new Promise<void>((resolve) => setImmediate(resolve)))
      .then(() => {
        this.#next = undefined;
        this.#running = this.#options.flush().catch(() => {});
        return this.#running;
      });
    return this.#next;
  }
}
