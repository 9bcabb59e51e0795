/** Items of one lane that are worked on at once. */
const CONCURRENCY = 4;
/** A timer of Node that is longer than 2^31 ms ends at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Works on an item. @returns when to go on with it, and as what; undefined when it is done */
type Processor<T> = (item: T) => Promise<{ readonly item: T; readonly waitMs: number } | undefined>;

/**
 * Queues of items by key: those of one key one after another, those of several at once. While an item
 * waits for its next turn, others go on.
 */
export class KeyedQueue<T> {
  readonly #process: Processor<T>;
  readonly #byKey = new Map<string, T[]>();
  readonly #ready: string[] = [];
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #active = 0;
  #closed = false;
  #idleWaiters: (() => void)[] = [];

  /** @param work never rejects */
  constructor(work: Processor<T>) {
    this.#process = work;
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

  /** Resolves when nothing is being worked on. */
  waitUntilIdle(): Promise<void> {
    if (this.#active === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Begins nothing any more. @returns what was not being worked on */
  close(): T[] {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    return [...this.#byKey].flatMap(([key, queue]) =>
      this.#busy.has(key) ? queue.slice(1) : queue,
    );
  }

  readonly #busy = new Set<string>();

  #startReady(): void {
    while (!this.#closed && this.#active < CONCURRENCY) {
      const key = this.#ready.shift();
      if (key === undefined) return;
      this.#active += 1;
      this.#busy.add(key);
      void this.#processNext(key).finally(() => {
        this.#busy.delete(key);
        this.#active -= 1;
        if (this.#active === 0) for (const tell of this.#idleWaiters.splice(0)) tell();
        this.#startReady();
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
    const timer = setTimeout(
      () => {
        this.#timers.delete(key);
        this.#ready.push(key);
        this.#startReady();
      },
      Math.min(ms, MAX_TIMER_MS),
    );
    this.#timers.set(key, timer.unref());
  }
}
