import type { EventSource, SentEvent } from './event-stream.ts';

/** Changes that wait for a slow listener; with more it is better to read the list anew. */
const MOST_WAITING = 1000;

/** Begins to listen behind `position`. @returns what ends it */
export type Follow = (
  position: string | undefined,
  hear: (change: { position: string; data: object }) => void,
) => () => void;

/** An event of `type` for each change that `follow` hears of. */
export function followed(type: string, follow: Follow): EventSource {
  return { type, follow: (position, signal) => events(position, signal) };

  async function* events(
    position: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<SentEvent> {
    const waiting: SentEvent[] = [];
    let wake = () => {};
    const end = follow(position, (change) => {
      if (waiting.length < MOST_WAITING) waiting.push(change);
      wake();
    });
    const stop = () => wake();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        yield* waiting.splice(0);
        if (waiting.length > 0 || signal.aborted) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', stop);
      end();
    }
  }
}
