import { InvalidArgumentError } from 'commander';
import type { ApiResponse } from '../client/api-types.ts';
import {
  DURATION_STATISTICS,
  isShareStatistic,
  SHARE_STATISTICS,
  type Statistic,
} from '../core/statistics/sample-estimates.ts';

type Change = ApiResponse<'compare'>['changes'][number];

/** A limit for the increase of a statistic, such as `p95>+10%`. */
export interface FailCondition {
  readonly text: string;
  readonly statistic: Statistic;
  /** Relative increase of a duration, or increase of a share: 0.1 for 10 %. */
  readonly limit: number;
}

const STATISTICS: readonly Statistic[] = [...DURATION_STATISTICS, ...SHARE_STATISTICS];
/** For a condition without spaces. */
const PATTERN = /^([a-z]\w*)>\+?(\d+(?:\.\d+)?)%$/i;

/** Parses a condition, and adds it to the conditions before. @throws InvalidArgumentError */
export function parseFailCondition(
  text: string,
  previous: readonly FailCondition[] = [],
): readonly FailCondition[] {
  const [, name, percent] = PATTERN.exec(text.replaceAll(/\s/g, '')) ?? [];
  const statistic = STATISTICS.find((known) => known.toLowerCase() === name?.toLowerCase());
  if (statistic === undefined || percent === undefined) {
    throw new InvalidArgumentError(
      `It must be a statistic and a limit, such as p95>+10% or errorRate>+1%. Statistics: ${STATISTICS.join(', ')}.`,
    );
  }
  return [...previous, { text: text.trim(), statistic, limit: Number(percent) / 100 }];
}

/** Returns the conditions that a change violates: the whole confidence interval is above the limit. */
export function findViolations(
  { statistic, lower }: Pick<Change, 'statistic' | 'lower'>,
  conditions: readonly FailCondition[],
): FailCondition[] {
  return conditions.filter(
    (condition) => condition.statistic === statistic && lower > condition.limit,
  );
}

/** Formats a change with its interval, such as `+34 % (+21 … +48 %)` or `+2.1 pp (…)`. */
export function formatChange({
  statistic,
  change,
  lower,
  upper,
}: Pick<Change, 'statistic' | 'change' | 'lower' | 'upper'>): string {
  const isShare = isShareStatistic(statistic);
  const format = (value: number) => {
    const percent = 100 * value;
    const text = Math.abs(percent).toFixed(isShare ? 2 : 0);
    return `${percent < 0 && Number(text) !== 0 ? '-' : '+'}${text}`;
  };
  const unit = isShare ? 'pp' : '%';
  return `${format(change)} ${unit} (${format(lower)} … ${format(upper)} ${unit})`;
}
