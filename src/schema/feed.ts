import { randomUUID } from 'node:crypto';

/** Changes that can be told again to who was away. */
const MOST_KEPT = 1000;

/** Tells what happens to whoever listens, and the newest of it to who comes back. */
export class Feed<T> {
  readonly #listeners = new Set<(item: T, position: string) => void>();
  /** Of this start of the process, so that a position of another is none of ours. */
  readonly #run = randomUUID().slice(0, 8);
  readonly #kept: { item: T; index: number }[] = [];
  #next = 1;

  tell(item: T): void {
    const index = this.#next++;
    this.#kept.push({ item, index });
    if (this.#kept.length > MOST_KEPT) this.#kept.shift();
    for (const listener of this.#listeners) listener(item, this.#position(index));
  }

  /** Tells what is behind `position` and still known, then all that comes. @returns what ends it */
  follow(position: string | undefined, listener: (item: T, position: string) => void): () => void {
    const [run, index] = (position ?? '').split('.');
    const seen = run === this.#run ? Number(index) : Number.NaN;
    for (const each of this.#kept) {
      if (each.index > seen) listener(each.item, this.#position(each.index));
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #position(index: number): string {
    return `${this.#run}.${index}`;
  }
}
