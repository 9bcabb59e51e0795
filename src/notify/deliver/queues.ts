/** Items of one lane that are worked on at once. */
const WIDTH = 4;
/** A timer of Node that is longer than 2^31 ms ends at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Works on an item. @returns when to go on with it, and as what; undefined when it is done */
type Work<T> = (item: T) => Promise<{ readonly item: T; readonly waitMs: number } | undefined>;

/**
 * Queues of items by key: those of one key one after another, those of several at once. While an item
 * waits for its next turn, others go on.
 */
export class Queues<T> {
  readonly #work: Work<T>;
  readonly #byKey = new Map<string, T[]>();
  readonly #ready: string[] = [];
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #active = 0;
  #closed = false;
  #whenIdle: (() => void)[] = [];

  /** @param work never rejects */
  constructor(work: Work<T>) {
    this.#work = work;
  }

  add(key: string, item: T): void {
    const queue = this.#byKey.get(key);
    if (queue) {
      queue.push(item);
      return;
    }
    this.#byKey.set(key, [item]);
    this.#ready.push(key);
    this.#pump();
  }

  /** Resolves when nothing is being worked on. */
  idle(): Promise<void> {
    if (this.#active === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
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

  #pump(): void {
    while (!this.#closed && this.#active < WIDTH) {
      const key = this.#ready.shift();
      if (key === undefined) return;
      this.#active += 1;
      this.#busy.add(key);
      void this.#turn(key).finally(() => {
        this.#busy.delete(key);
        this.#active -= 1;
        if (this.#active === 0) for (const tell of this.#whenIdle.splice(0)) tell();
        this.#pump();
      });
    }
  }

  async #turn(key: string): Promise<void> {
    const queue = this.#byKey.get(key);
    const [first] = queue ?? [];
    if (!queue || first === undefined) return;
    const next = await this.#work(first);
    if (next) {
      queue[0] = next.item;
      this.#wait(key, next.waitMs);
      return;
    }
    queue.shift();
    if (queue.length === 0) this.#byKey.delete(key);
    else this.#ready.push(key);
  }

  #wait(key: string, ms: number): void {
    if (this.#closed) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(key);
        this.#ready.push(key);
        this.#pump();
      },
      Math.min(ms, LONGEST_MS),
    );
    this.#timers.set(key, timer.unref());
  }
}
