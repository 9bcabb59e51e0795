import { type DropReport, type Owned, shareByOwner, toTarget } from './fair-shares.ts';

const MAX_FACTS = 200_000;

/** Facts about processes, by the time of their last observation in seconds. The latest one is the last. */
export class ProcessFacts {
  readonly #maxFacts: number;
  #facts = new Map<string, number>();
  #dropped = 0;
  #report: DropReport | undefined;
  /** No fact was observed before this time. */
  #oldestSeconds = 0;

  /** @param maxFacts maximum number of facts. Default: 200,000 */
  constructor(maxFacts = MAX_FACTS) {
    this.#maxFacts = maxFacts;
  }

  get size(): number {
    return this.#facts.size;
  }

  /** Number of facts that were forgotten because there were too many. */
  get dropped(): number {
    return this.#dropped;
  }

  get(fact: string): number | undefined {
    return this.#facts.get(fact);
  }

  set(fact: string, seconds: number): void {
    this.#facts.delete(fact);
    this.#facts.set(fact, seconds);
    if (seconds < this.#oldestSeconds) this.#oldestSeconds = seconds;
    if (this.#facts.size > this.#maxFacts) this.#drop();
  }

  /** Forgets facts from before a time. */
  removeBefore(beforeSeconds: number): void {
    if (this.#oldestSeconds >= beforeSeconds) return;
    this.#oldestSeconds = beforeSeconds;
    for (const [fact, seconds] of this.#facts) {
      this.#oldestSeconds = seconds;
      if (seconds >= beforeSeconds) break;
      this.#facts.delete(fact);
    }
  }

  /** Describes the facts that were forgotten since the last call because there were too many. */
  takeReport(): DropReport | undefined {
    const report = this.#report;
    this.#report = undefined;
    return report;
  }

  sort(): void {
    this.#facts = new Map([...this.#facts].sort(([, first], [, second]) => first - second));
  }

  list(): (readonly [string, number])[] {
    return [...this.#facts];
  }

  /** Forgets the oldest facts of the services with the most facts. */
  #drop(): void {
    const owners = new Map<string, Owner>();
    const getOwner = (fact: string) => {
      const [organization, service] = getFactOwner(fact);
      const key = `${organization}\n${service}`;
      let owner = owners.get(key);
      if (!owner) {
        owner = { organization, service, kept: 0, share: 0, dropped: 0 };
        owners.set(key, owner);
      }
      return owner;
    };
    for (const fact of this.#facts.keys()) getOwner(fact).kept++;
    const target = toTarget(this.#maxFacts);
    for (const [owner, share] of shareByOwner([...owners.values()], ({ kept }) => kept, target)) {
      owner.share = share;
    }
    for (const fact of this.#facts.keys()) {
      const owner = getOwner(fact);
      if (owner.kept <= owner.share) continue;
      owner.kept--;
      owner.dropped++;
      this.#dropped++;
      this.#facts.delete(fact);
    }
    for (const { share: _, ...owner } of owners.values()) {
      if (owner.dropped > (this.#report?.dropped ?? 0)) this.#report = owner;
    }
  }
}

interface Owner extends Owned {
  kept: number;
  share: number;
  dropped: number;
}

/** Facts start with their kind, the organization, and the service. See `toFact`. */
export function getFactOwner(fact: string): [organization: string, service: string] {
  const [, organization = '', service = ''] = fact.split('\n', 3);
  return [organization, service];
}
