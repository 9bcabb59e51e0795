/** One interval of a service or a tenant. */
export interface ImpactInterval {
  /** Start, in ms since the epoch. */
  readonly atMs: number;
  /** Outcomes, such as successful bookings. */
  readonly outcome: number;
  /** Opportunities for an outcome, such as searches. */
  readonly exposure: number;
  /** Latency in ms. Undefined if nothing was measured. */
  readonly latencyMs: number | undefined;
}

/** An interval that can be compared with others. */
export interface ComparableInterval {
  readonly outcome: number;
  readonly exposure: number;
  readonly latencyMs: number;
  /** Intervals are compared only within a stratum: the same hour of the day, kind of day, and load. */
  readonly stratum: string;
  /** Intervals of a cluster depend on each other: a day, or a part of a day. */
  readonly cluster: number;
}
