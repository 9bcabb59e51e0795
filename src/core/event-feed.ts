import { randomUUID } from 'node:crypto';

/** Maximum number of recent events to replay for a subscriber that reconnects. */
const MAX_REPLAYED_EVENTS = 1000;

/** Sends events to subscribers, and replays recent events to subscribers that reconnect. */
export class EventFeed<T> {
  readonly #listeners = new Set<(item: T, position: string) => void>();
  /**
   * Identifies this run of the process in each position. Positions from before a restart are
   * ignored.
   */
  readonly #runId = randomUUID().slice(0, 8);
  readonly #recent: { item: T; index: number }[] = [];
  #next = 1;

  publish(item: T): void {
    const index = this.#next++;
    this.#recent.push({ item, index });
    if (this.#recent.length > MAX_REPLAYED_EVENTS) this.#recent.shift();
    for (const listener of this.#listeners) listener(item, this.#formatPosition(index));
  }

  /**
   * Replays the recent events after `position`, then sends each new event.
   *
   * @returns a function that ends the subscription
   */
  subscribe(
    position: string | undefined,
    listener: (item: T, position: string) => void,
  ): () => void {
    const [runId, index] = (position ?? '').split('.');
    const lastSeen = runId === this.#runId ? Number(index) : Number.NaN;
    for (const recent of this.#recent) {
      if (recent.index > lastSeen) listener(recent.item, this.#formatPosition(recent.index));
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #formatPosition(index: number): string {
    return `${this.#runId}.${index}`;
  }
}
