import type { Decision } from './setting-decision.ts';

type DecisionListener = (decision: Decision, position: string) => void;

/** Decisions that can be told again to who was away. */
const MAX_KEPT_DECISIONS = 1000;
const MAX_EVALUATION_MS = 60_000;

/**
 * Tells decisions to whoever listens. A position names the decision itself, not its place here: who
 * comes back after a restart, or to another server, is told what it has missed. Of the same moment it
 * may hear something twice, with the same `id` and `seq`.
 */
export class DecisionFeed {
  /** With the position of each that waits for what this process does not know yet. */
  readonly #listeners = new Map<DecisionListener, string | undefined>();
  #kept: Decision[] = [];

  /** Where who begins now goes on. A decision is of the beginning of its evaluation's interval. */
  getPosition(now: number): string {
    const newest = this.#kept.at(-1);
    return newest ? toPosition(newest) : String(now - MAX_EVALUATION_MS);
  }

  publish(decision: Decision): void {
    this.#keep([decision]);
    for (const listener of this.#listeners.keys()) listener(decision, toPosition(decision));
  }

  /** What was decided before this process began: told to those only who were there before. */
  publishRestored(decisions: readonly Decision[]): void {
    this.#keep(decisions);
    for (const [listener, position] of this.#listeners) {
      for (const decision of findDecisionsAfter(position, decisions))
        listener(decision, toPosition(decision));
      this.#listeners.set(listener, undefined);
    }
  }

  /** Tells what is behind `position` and still known, then all that comes. @returns what ends it */
  subscribe(position: string | undefined, listener: DecisionListener): () => void {
    for (const decision of findDecisionsAfter(position, this.#kept))
      listener(decision, toPosition(decision));
    this.#listeners.set(listener, this.#kept.length === 0 ? position : undefined);
    return () => this.#listeners.delete(listener);
  }

  #keep(decisions: readonly Decision[]): void {
    this.#kept = [...this.#kept, ...decisions].slice(-MAX_KEPT_DECISIONS);
  }
}

/** Those after the one at `position`; where it is not among them, those that are not older. */
function findDecisionsAfter(
  position: string | undefined,
  decisions: readonly Decision[],
): readonly Decision[] {
  if (position === undefined) return [];
  const place = decisions.findIndex((each) => toPosition(each) === position);
  if (place >= 0) return decisions.slice(place + 1);
  const sinceMs = Number(position.split('.')[0]);
  return decisions.filter(({ timestamp }) => timestamp >= sinceMs);
}

function toPosition({ timestamp, id, seq }: Decision): string {
  return `${timestamp}.${id}.${seq}`;
}
