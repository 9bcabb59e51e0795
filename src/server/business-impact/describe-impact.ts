import { formatDuration, formatNumber } from '../../core/format.ts';
import type { ImpactAnalysis } from './analyze-impact.ts';

/** The names of an analysis, for its sentences. */
export interface ImpactNames {
  /** Such as `p95`. */
  readonly statistic: string;
  /** Such as `POST /bookings`. */
  readonly outcome: string;
  /** Such as `GET /rooms`. */
  readonly exposure: string;
}

/** Follows each result. */
export const NO_CAUSE = "This doesn't show that slowness was the cause.";
/** P-values below this limit count as a trend. */
const TREND_LEVEL = 0.05;

/**
 * Describes an analysis in plain sentences, such as: in intervals with a p95 above 800 ms, there were 12 % fewer
 * outcomes per exposure.
 */
export function describeImpact(
  { status, missing, slow, slowFromMs, trend, associated, intervals }: ImpactAnalysis,
  { statistic, outcome, exposure }: ImpactNames,
): string[] {
  if (status === 'waiting' || !slow || slowFromMs === undefined) {
    return [`There is too little data: ${missing.join('; ')}.`];
  }
  const where = `In intervals with a ${statistic} of ${formatDuration(slowFromMs)} or more`;
  const change = (ratio: number) => formatNumber(Math.abs(100 * (ratio - 1)));
  const compared = `at the same hours and load, based on ${formatNumber(intervals)} intervals`;
  if (status === 'noDifference') {
    const [low, high] = [slow.lower, slow.upper].map((ratio) => formatChange(ratio));
    return [
      `${where}, the number of ${outcome} per ${exposure} did not differ clearly from faster intervals (95 % interval: ${low} to ${high}).`,
      `They are compared ${compared}.`,
    ];
  }
  const [near, far] = status === 'fewer' ? [slow.upper, slow.lower] : [slow.lower, slow.upper];
  const sentences = [
    `${where}, there were ${change(slow.ratio)} % ${status} ${outcome} per ${exposure} (95 % interval: ${change(near)} to ${change(far)} %).`,
    `They are compared with faster intervals ${compared}.`,
  ];
  if (status === 'fewer' && associated) {
    sentences.push(
      `About ${formatNumber(Math.round(associated.count))} outcomes are associated with slow intervals (95 % interval: ${formatNumber(Math.round(associated.lower))} to ${formatNumber(Math.round(associated.upper))}).`,
    );
  }
  if (trend && trend.pValue < TREND_LEVEL) {
    sentences.push(
      `From the fastest to the slowest intervals, there are ${trend.direction === 'fewer' ? 'fewer and fewer' : 'more and more'} outcomes (p ${formatPValue(trend.pValue)}).`,
    );
  } else {
    sentences.push('There is no clear trend from the fastest to the slowest intervals.');
  }
  return [...sentences, NO_CAUSE];
}

function formatChange(ratio: number): string {
  const percent = 100 * (ratio - 1);
  return `${percent > 0 ? '+' : ''}${formatNumber(percent)} %`;
}

function formatPValue(pValue: number): string {
  return pValue < 0.001 ? '< 0.001' : `= ${formatNumber(pValue)}`;
}
