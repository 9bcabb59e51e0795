/** A measured value and its limit. */
export interface Target {
  name: string;
  value: number;
  limit: number;
  unit: string;
  pass: boolean;
}

/** Result of a benchmark: its targets, and the row counts and other values that explain them. */
export interface Report {
  targets: Target[];
  details: Record<string, number | string>;
}

export interface BenchOptions {
  /** Runs a smaller version that takes less than a minute. */
  quick: boolean;
  /** Checkout whose agent is measured too, if the benchmark supports `--compare`. */
  compare?: string | undefined;
  /** Number of interleaved rounds of `overhead` and `library-overhead`. Default: a number for each benchmark. */
  rounds?: number | undefined;
  /** Libraries to measure in `library-overhead`. Default: all. */
  names?: readonly string[] | undefined;
  /** Reports progress. */
  log: (line: string) => void;
}

export const atMost = (name: string, value: number, limit: number, unit: string): Target => ({
  name,
  value: roundToFourDigits(value),
  limit,
  unit,
  pass: value <= limit,
});

export const atLeast = (name: string, value: number, limit: number, unit: string): Target => ({
  name,
  value: roundToFourDigits(value),
  limit,
  unit,
  pass: value >= limit,
});

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle - 0.5)]! + sorted[Math.floor(middle)]!) / 2;
}

/** Returns the median of one metric over several runs. */
export function medianOf<K extends string>(
  runs: readonly Readonly<Record<K, number>>[],
  metric: K,
): number {
  return median(runs.map((run) => run[metric]));
}

/**
 * Returns the median difference of one metric. Compares runs of the same round, because load on the machine affects
 * them equally.
 */
export function medianAdded<K extends string>(
  runs: readonly Readonly<Record<K, number>>[],
  plainRuns: readonly Readonly<Record<K, number>>[],
  metric: K,
): number {
  return median(runs.map((run, round) => run[metric] - plainRuns[round]![metric]));
}

export function roundToFourDigits(value: number): number {
  return Number(value.toPrecision(4));
}

/** Formats a difference with its sign, for example `+4.2`. */
export function formatDifference(value: number): string {
  const rounded = roundToFourDigits(value);
  return rounded < 0 ? String(rounded) : `+${rounded}`;
}
