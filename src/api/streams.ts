import { type Point, points } from '../windows/points.ts';
import { keyOf, type Question } from '../windows/question.ts';
import type { Store } from '../windows/store.ts';

const MOST_OPEN = 100;
/** Answers that are shared; each is asked for within seconds by all who want it. */
const MOST_KEPT = 200;

/** What the open streams of one server share. */
export class Streams {
  #open = 0;
  readonly #asked = new Map<string, Promise<Point[]>>();

  /** @returns what frees the place again; undefined when there is none left */
  enter(): (() => void) | undefined {
    if (this.#open >= MOST_OPEN) return undefined;
    this.#open += 1;
    return () => {
      this.#open -= 1;
    };
  }

  /** The figures of each interval. Who asks the same at the same time gets the same answer. */
  points(store: Store, question: Question, intervalMs: number): Promise<Point[]> {
    const key = keyOf([question, intervalMs]);
    const known = this.#asked.get(key);
    if (known) return known;
    const asked = points(store, question, intervalMs);
    this.#asked.set(key, asked);
    asked.catch(() => this.#asked.delete(key));
    for (const oldest of this.#asked.keys()) {
      if (this.#asked.size <= MOST_KEPT) break;
      this.#asked.delete(oldest);
    }
    return asked;
  }
}
