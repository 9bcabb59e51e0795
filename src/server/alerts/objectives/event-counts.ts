/** Numbers of events. An event is a request, a job, a time slice, or a minute of a service. */
export interface EventCounts {
  /** Number of events that met the objective. */
  readonly good: number;
  readonly total: number;
}

export const NO_EVENTS: EventCounts = { good: 0, total: 0 };

/** Returns the sum of two counts. The order doesn't matter. */
export function mergeEventCounts(a: EventCounts, b: EventCounts): EventCounts {
  return { good: a.good + b.good, total: a.total + b.total };
}

export function countBadEvents({ good, total }: EventCounts): number {
  return total - good;
}

/** Events of one step or hour, which starts at `atMs`. */
export interface TimedCounts extends EventCounts {
  /** Start, in ms since the epoch. */
  readonly atMs: number;
}
