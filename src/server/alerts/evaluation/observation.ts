import type { Labels } from '../../../core/alerts/alert.ts';

/** What was measured of one group of a rule in the window that ends now. */
export interface Observation {
  /** The group's names by dimension (or by label column); what has no name is left out. */
  readonly labels: Labels;
  /** In the unit of the rule's aggregate; `Infinity` is a value. Undefined: nothing reported. */
  readonly value: number | undefined;
  /** Measurements that the value rests on. */
  readonly count: number;
  /** Timestamp of the newest row that the value rests on, in ms since the epoch. */
  readonly newestMs: number;
}

/** The text that tells groups apart: the labels as JSON with sorted keys. */
export function toLabelsKey(labels: Labels): string {
  return JSON.stringify(Object.fromEntries(Object.entries(labels).sort(compareByName)));
}

function compareByName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
