import type { Transition } from '../evaluate/transition.ts';
import type { Alert } from '../present.ts';
import { type Flaps, flapped, NO_FLAPS } from '../quiet/flapping.ts';
import { type AlertGroup, notificationKey, stepGroup } from '../quiet/grouping.ts';
import type { Held } from '../quiet/held.ts';
import type { Silence } from '../quiet/silence.ts';
import { flapKey, quiet } from '../quiet/stages.ts';
import type { RuleSet } from '../rules/load.ts';

/** Alerts that are told together now. */
export interface Telling {
  /** Of the group, as JSON. */
  readonly key: string;
  readonly alerts: readonly Alert[];
}

/** Decides which alerts are told, and keeps why the others are not. */
export class QuietBook {
  readonly #flaps = new Map<string, Flaps>();
  readonly #groups = new Map<string, AlertGroup>();
  /** Resolved alerts until they have been told. */
  readonly #ended = new Map<string, Alert>();
  #held: ReadonlyMap<string, readonly Held[]> = new Map();
  #looked: readonly Alert[] = [];

  /** Notes what an alert did, for flapping and for telling its end. */
  note(transition: Transition, alert: Alert, set: Pick<RuleSet, 'flapping'>): void {
    this.recall(transition, alert, set);
    if (hasEnded(transition)) this.#ended.set(transition.id, alert);
  }

  /** Notes what an alert did before the start: the oldest first, and before anything of `note`. */
  recall(
    transition: Transition,
    alert: Pick<Alert, 'rule' | 'labels'>,
    { flapping }: Pick<RuleSet, 'flapping'>,
  ): void {
    if (!hasBegun(transition) && !hasEnded(transition)) return;
    const key = flapKey(alert);
    const before = this.#flaps.get(key) ?? NO_FLAPS;
    this.#flaps.set(key, flapped(before, transition.timestamp, flapping));
  }

  /** @returns what is to be told now; all else is held for a reason that `heldOf` gives */
  advance(
    live: readonly Alert[],
    set: RuleSet,
    silences: readonly Silence[],
    now: number,
  ): Telling[] {
    const { inhibit, maintenance, flapping, notifications } = set;
    const context = { inhibit, maintenance, flapping, silences, flaps: this.#flaps };
    const verdicts = quiet([...live, ...this.#ended.values()], context, now);
    const held = new Map(verdicts.map((verdict) => [verdict.alert.id, verdict.held]));
    const free = verdicts.filter((verdict) => verdict.held.length === 0);
    const groups = Map.groupBy(free, ({ alert }) => notificationKey(alert, notifications.groupBy));
    const tellings: Telling[] = [];
    for (const key of new Set([...groups.keys(), ...this.#groups.keys()])) {
      const alerts = (groups.get(key) ?? []).map(({ alert }) => alert);
      const step = stepGroup(this.#groups.get(key), alerts, key, notifications, now);
      if (step.group) this.#groups.set(key, step.group);
      else this.#groups.delete(key);
      for (const [id, reason] of step.held) {
        held.set(id, [reason]);
        if (reason.reason === 'never_told') this.#ended.delete(id);
      }
      for (const { id, state } of step.tell) if (state === 'resolved') this.#ended.delete(id);
      if (step.tell.length > 0) tellings.push({ key, alerts: step.tell });
    }
    this.#held = held;
    this.#looked = verdicts.map(({ alert }) => alert).filter(({ state }) => state !== 'pending');
    this.#forget(now - flapping.windowMs);
    return tellings;
  }

  /** Why an alert was not told when it was looked at last; nothing: it was. */
  heldOf(id: string): readonly Held[] {
    return this.#held.get(id) ?? [];
  }

  /** All alerts that were looked at last, with why they are not told now. */
  *looked(): Iterable<{ readonly alert: Alert; readonly held: readonly Held[] }> {
    for (const alert of this.#looked) yield { alert, held: this.heldOf(alert.id) };
  }

  #forget(beforeMs: number): void {
    for (const [key, { timesMs }] of this.#flaps) {
      if ((timesMs.at(-1) ?? 0) < beforeMs) this.#flaps.delete(key);
    }
    for (const [id, { changedMs }] of this.#ended) {
      // What is silenced when it ends is not told of long after.
      if (changedMs < beforeMs) this.#ended.delete(id);
    }
  }
}

/** An acknowledged alert that fires again because it became worse has not begun anew. */
function hasBegun({ state, timestamp, firedAt }: Transition): boolean {
  return state === 'firing' && firedAt === timestamp;
}

/** A pending alert that is over has never been one that fires. */
function hasEnded({ state, firedAt }: Transition): boolean {
  return state === 'resolved' && firedAt !== undefined;
}
