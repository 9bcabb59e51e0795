import { type FlapLimits, type Flaps, heldAsFlapping, NO_FLAPS } from './flapping.ts';
import type { Held, QuietAlert } from './held.ts';
import { type InhibitRule, inhibition } from './inhibit.ts';
import { type Silence, silencedBy } from './silence.ts';

/** What the stages go by. */
export interface QuietContext {
  readonly inhibit: readonly InhibitRule[];
  readonly silences: readonly Silence[];
  readonly maintenance: readonly Silence[];
  readonly flapping: FlapLimits;
  /** By `flapKey`. */
  readonly flaps: ReadonlyMap<string, Flaps>;
}

/** All that holds one alert back now, in the order of the stages; nothing: it may be told. */
export interface Verdict<A extends QuietAlert> {
  readonly alert: A;
  readonly held: readonly Held[];
}

/** What tells a group of a rule from others, over all its alerts. */
export function flapKey({ rule, labels }: Pick<QuietAlert, 'rule' | 'labels'>): string {
  return JSON.stringify([rule, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Asks every stage about every alert. Each reason is named, also where one would be enough. */
export function quiet<A extends QuietAlert>(
  alerts: readonly A[],
  context: QuietContext,
  now: number,
): Verdict<A>[] {
  const { silences, maintenance, inhibit, flaps, flapping } = context;
  const inhibits = inhibition(alerts, inhibit);
  return alerts.map((alert) => {
    const key = flapKey(alert);
    const held = [
      silencedBy(alert, silences, now),
      silencedBy(alert, maintenance, now),
      inhibits(alert),
      heldAsFlapping(flaps.get(key) ?? NO_FLAPS, key, now, flapping),
    ];
    return { alert, held: held.filter((reason) => reason !== undefined) };
  });
}
