/**
 * How much the agent records. Each level omits one more part, the most expensive one first. Counts, errors, and
 * durations stay exact in all levels.
 */
export const OverheadLevel = {
  /** Everything. */
  FULL: 0,
  /** Samples of slow and failed requests don't list their parts, and repeated reads aren't counted. */
  NO_SAMPLE_PARTS: 1,
  /** Requests don't record the times of their parts. */
  NO_BREAKDOWN: 2,
  /** SQL texts that are not known yet are recorded as one statement for each operation. */
  FEW_STATEMENTS: 3,
  /** Values with new attributes are added to the combined series. */
  NO_NEW_SERIES: 4,
} as const;
export type OverheadLevel = (typeof OverheadLevel)[keyof typeof OverheadLevel];

/** What a level omits, for the log. */
export const OMITTED_PARTS: readonly string[] = [
  '',
  'parts of request samples and repeated reads',
  'times of request parts',
  'separate names for rare SQL texts',
  'new series',
];

export const MAX_LEVEL = OverheadLevel.NO_NEW_SERIES;

/**
 * The current level. Code on hot paths compares it, which takes about 1 ns:
 * `if (overhead.level < OverheadLevel.NO_BREAKDOWN) …`
 */
export const overhead: { level: number } = { level: OverheadLevel.FULL };
