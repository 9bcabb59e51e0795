import { randomUUID } from 'node:crypto';

/** Changes that can be told again to who was away. */
const MAX_REPLAYED_EVENTS = 1000;

/** Tells what happens to whoever listens, and the newest of it to who comes back. */
export class EventFeed<T> {
  readonly #listeners = new Set<(item: T, position: string) => void>();
  /** Of this start of the process, so that a position of another is none of ours. */
  readonly #runId = randomUUID().slice(0, 8);
  readonly #recent: { item: T; index: number }[] = [];
  #next = 1;

  publish(item: T): void {
    const index = this.#next++;
    this.#recent.push({ item, index });
    if (this.#recent.length > MAX_REPLAYED_EVENTS) this.#recent.shift();
    for (const listener of this.#listeners) listener(item, this.#formatPosition(index));
  }

  /** Tells what is behind `position` and still known, then all that comes. @returns what ends it */
  subscribe(
    position: string | undefined,
    listener: (item: T, position: string) => void,
  ): () => void {
    const [run, index] = (position ?? '').split('.');
    const seen = run === this.#runId ? Number(index) : Number.NaN;
    for (const each of this.#recent) {
      if (each.index > seen) listener(each.item, this.#formatPosition(each.index));
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #formatPosition(index: number): string {
    return `${this.#runId}.${index}`;
  }
}
