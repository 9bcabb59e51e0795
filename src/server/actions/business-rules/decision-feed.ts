import type { Decision } from './decide-setting.ts';

type DecisionListener = (decision: Decision, position: string) => void;

/** Number of decisions to keep for subscribers that reconnect. */
const MAX_BUFFERED_DECISIONS = 1000;
const MAX_EVALUATION_MS = 60_000;

/**
 * Sends decisions to subscribers. A position identifies a decision, not an index in this buffer. A
 * subscriber that reconnects after a restart, or to another server, receives the decisions that it
 * missed. It can receive decisions with the same timestamp twice, with the same `id` and `seq`.
 */
export class DecisionFeed {
  /**
   * Each listener with its position. The position is undefined once it is no longer needed to send
   * decisions from before startup.
   */
  readonly #listeners = new Map<DecisionListener, string | undefined>();
  #buffer: Decision[] = [];

  /**
   * Returns the position for a new subscriber: the newest decision that the subscriber can see. A
   * decision's timestamp is the start of its evaluation interval, so the position of an empty feed is
   * in the past.
   */
  getPosition(now: number, isVisible: (decision: Decision) => boolean = () => true): string {
    const newest = this.#buffer.findLast(isVisible);
    return newest ? toPosition(newest) : String(now - MAX_EVALUATION_MS);
  }

  publish(decision: Decision): void {
    this.#addToBuffer([decision]);
    for (const listener of this.#listeners.keys()) listener(decision, toPosition(decision));
  }

  /** Adds decisions from before startup. Sends them only to listeners with an earlier position. */
  publishRestored(decisions: readonly Decision[]): void {
    this.#addToBuffer(decisions);
    for (const [listener, position] of this.#listeners) {
      for (const decision of findDecisionsAfter(position, decisions))
        listener(decision, toPosition(decision));
      this.#listeners.set(listener, undefined);
    }
  }

  /**
   * Sends buffered decisions after `position`, then each new decision.
   *
   * @returns a function that unsubscribes
   */
  subscribe(position: string | undefined, listener: DecisionListener): () => void {
    for (const decision of findDecisionsAfter(position, this.#buffer))
      listener(decision, toPosition(decision));
    this.#listeners.set(listener, this.#buffer.length === 0 ? position : undefined);
    return () => this.#listeners.delete(listener);
  }

  #addToBuffer(decisions: readonly Decision[]): void {
    this.#buffer = [...this.#buffer, ...decisions].slice(-MAX_BUFFERED_DECISIONS);
  }
}

/** Returns the decisions after `position`. If no decision has this position, compares times. */
function findDecisionsAfter(
  position: string | undefined,
  decisions: readonly Decision[],
): readonly Decision[] {
  if (position === undefined) return [];
  const index = decisions.findIndex((each) => toPosition(each) === position);
  if (index >= 0) return decisions.slice(index + 1);
  const sinceMs = Number(position.split('.')[0]);
  return decisions.filter(({ timestamp }) => timestamp >= sinceMs);
}

function toPosition({ timestamp, id, seq }: Decision): string {
  return `${timestamp}.${id}.${seq}`;
}
