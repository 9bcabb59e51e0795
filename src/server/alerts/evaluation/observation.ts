import type { Labels } from '../../../core/alerts/alert.ts';
import type { Group } from '../../../storage/queries/query-definition.ts';

/** The measured value of one group of a rule in the window that ends now. */
export interface Observation {
  /** Labels by dimension or label column. Dimensions without a value are omitted. */
  readonly labels: Labels;
  /** Value in the unit of the aggregate. Can be `Infinity`. Undefined if nothing was reported. */
  readonly value: number | undefined;
  /** Number of measurements behind the value. */
  readonly count: number;
  /** Timestamp of the newest row behind the value, in ms since the epoch. */
  readonly newestMs: number;
  /** Time between the oldest and the newest row, in ms. Undefined if unknown. */
  readonly coveredMs?: number | undefined;
  /**
   * The mean without its largest measurement (`lower`) and without its smallest measurement (`upper`).
   * Undefined if a single measurement can't distort the value.
   */
  readonly bounds?: Bounds | undefined;
  /** Why the value can't be compared with the thresholds yet. Undefined if it can. */
  readonly waiting?: WaitingForData | undefined;
  /** Whether the service in the labels has ended normally. Such an observation has no value. */
  readonly hasEnded?: boolean;
}

/**
 * Reasons why a group doesn't have enough data: a short baseline, or a short time with data in the window.
 * `objective` means that the first event of an objective is newer than the window of the burn rate. `forecast` means that
 * there are too few values for a forecast.
 */
export const WAITING_REASONS = ['baseline', 'coverage', 'objective', 'forecast'] as const;
export type WaitingReason = (typeof WAITING_REASONS)[number];

/** The length of the data that a group has, and the length that its rule needs, in ms. */
export interface WaitingForData {
  readonly reason: WaitingReason;
  readonly haveMs: number;
  readonly neededMs: number;
}

export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

/** Returns the labels of a group. Dimensions without a value are omitted. */
export function toLabels(group: Group): Labels {
  return Object.fromEntries(
    Object.entries(group).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  );
}

/** Returns the key of a group: its labels as JSON with sorted keys. */
export function toLabelsKey(labels: Labels): string {
  return JSON.stringify(Object.fromEntries(Object.entries(labels).sort(compareByName)));
}

function compareByName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
