import { startTask } from '../../../core/guard.ts';
import { startTimeout } from '../../../core/guarded-timers.ts';

/** Maximum number of items to process at the same time. */
const CONCURRENCY = 4;

/** Processes an item. Returns the item to process again after `waitMs`, or `undefined` if it is done. */
type Processor<T> = (item: T) => Promise<{ readonly item: T; readonly waitMs: number } | undefined>;

/**
 * A queue per key. Items with the same key are processed in order, and items with different keys
 * concurrently. An item that waits for another attempt blocks only its own key.
 */
export class KeyedQueue<T> {
  readonly #process: Processor<T>;
  readonly #byKey = new Map<string, T[]>();
  readonly #ready: string[] = [];
  readonly #busy = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #active = 0;
  #closed = false;
  #idleWaiters: (() => void)[] = [];

  /** @param process must not reject */
  constructor(process: Processor<T>) {
    this.#process = process;
  }

  add(key: string, item: T): void {
    const queue = this.#byKey.get(key);
    if (queue) {
      queue.push(item);
      return;
    }
    this.#byKey.set(key, [item]);
    this.#ready.push(key);
    this.#startReady();
  }

  /** Resolves when no item is being processed. */
  waitUntilIdle(): Promise<void> {
    if (this.#active === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Stops starting items. Returns the items that were not being processed. */
  close(): T[] {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    return [...this.#byKey].flatMap(([key, queue]) =>
      this.#busy.has(key) ? queue.slice(1) : queue,
    );
  }

  #startReady(): void {
    while (!this.#closed && this.#active < CONCURRENCY) {
      const key = this.#ready.shift();
      if (key === undefined) return;
      this.#active += 1;
      this.#busy.add(key);
      startTask('the delivery queue', async () => {
        try {
          await this.#processNext(key);
        } finally {
          this.#busy.delete(key);
          this.#active -= 1;
          if (this.#active === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
          this.#startReady();
        }
      });
    }
  }

  async #processNext(key: string): Promise<void> {
    const queue = this.#byKey.get(key);
    const [first] = queue ?? [];
    if (!queue || first === undefined) return;
    const next = await this.#process(first);
    if (next) {
      queue[0] = next.item;
      this.#scheduleNext(key, next.waitMs);
      return;
    }
    queue.shift();
    if (queue.length === 0) this.#byKey.delete(key);
    else this.#ready.push(key);
  }

  #scheduleNext(key: string, ms: number): void {
    if (this.#closed) return;
    const proceed = () => {
      this.#timers.delete(key);
      this.#ready.push(key);
      this.#startReady();
    };
    this.#timers.set(key, startTimeout('the delivery queue', proceed, ms));
  }
}
