import { createError } from './errors.ts';

/** @throws PS_QUERY_TOO_LONG when `work` takes longer than `ms` */
export async function withTimeout<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(createError('PS_QUERY_TOO_LONG', {})), ms);
  });
  work.catch(() => {});
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Does one thing at a time, in the order in which they were asked for. */
export class SerialQueue {
  readonly #onFailure: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();

  /** @param onFailure hears what fails; the next turn comes all the same */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Resolves when `work` is over, however it ended. */
  enqueue(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work).catch(this.#onFailure);
    return this.#last;
  }

  /** Resolves when all that was asked for until now is over. */
  get whenIdle(): Promise<void> {
    return this.#last;
  }
}

/** Does `act` to each item, at most `width` at once. Rejects with the first failure. */
export async function mapLimit<T>(
  items: readonly T[],
  width: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await act(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}
