import type { Log } from '../../log.ts';
import { Feed } from '../../schema/feed.ts';
import { formatNumber } from '../../schema/format.ts';
import type { Add } from '../../schema/tables.ts';
import type { Transition } from '../evaluate/transition.ts';

export interface JournalOptions {
  readonly add: Add;
  /** Sends what was added, without waiting for the next interval. */
  readonly flush: () => Promise<void>;
  readonly log: Log;
}

/** Writes what alerts do: as rows at once, into the log, and to whoever listens. */
export class Journal {
  readonly #options: JournalOptions;
  readonly #feed = new Feed<Transition>();
  #flushing: Promise<void> | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  readonly note = (transition: Transition, before: Transition | undefined): void => {
    this.#options.add('alerts', [{ ...transition }]);
    this.#flushSoon();
    if (before?.state !== transition.state || before.severity !== transition.severity) {
      this.#options.log.info(lineOf(transition, before));
    }
    this.#feed.tell(transition);
  };

  /** Tells what is behind `position` and still known, then all that comes. @returns what ends it */
  follow(
    position: string | undefined,
    listener: (transition: Transition, position: string) => void,
  ): () => void {
    return this.#feed.follow(position, listener);
  }

  /** One flush for all that is noted in the same turn. What it can't send stays in the spool. */
  #flushSoon(): void {
    this.#flushing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#flushing = undefined;
      return this.#options.flush().catch(() => {});
    });
  }
}

/** `alert error-rate PENDING => FIRING high: value 12.5, threshold 10 {"service":"booking"}`. */
function lineOf(transition: Transition, before: Transition | undefined): string {
  const { rule, state, severity, value, threshold, labels, cause } = transition;
  const from = before?.state.toUpperCase() ?? 'INACTIVE';
  const rose = before && before.state === state && before.severity !== severity;
  const was = rose ? ` ${before.severity}` : '';
  const figures = [
    value === undefined ? undefined : `value ${formatNumber(value)}`,
    threshold === undefined ? undefined : `threshold ${formatNumber(threshold)}`,
    cause,
  ].filter((text) => text !== undefined);
  const what = `alert ${rule} ${from}${was} => ${state.toUpperCase()} ${severity}`;
  return `${what}: ${figures.join(', ')} ${labels}`;
}
