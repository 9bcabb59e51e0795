import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../../core/format.ts';
import type { Dimension } from '../../../storage/queries/query.ts';

/** How the figure of a movement is counted, and so how it is shown. */
export type ValueUnit = 'ms' | '%' | '1' | '1/min' | 'By';

/** One figure in the window of a breach, and in the same length of time before it. */
export interface MetricChange {
  /** What people call it: `p95`, `CPU`, `oldest job`, `requests`. */
  readonly metric: string;
  /** Whose it is; undefined for the subject of the alert itself. */
  readonly subject: { readonly dimension: Dimension; readonly name: string } | undefined;
  readonly before: number | undefined;
  readonly now: number;
  readonly unit: ValueUnit;
  /**
   * `factor` for what is compared with itself (`p95 ×3.1`), `level` for what speaks alone
   * (`CPU 96 %`, `oldest job 4 min`).
   */
  readonly display: 'factor' | 'level';
}

/** Who makes how much of the figure that is breached: the alert's top contributors. */
export interface Contributor {
  readonly dimension: Dimension;
  readonly name: string;
  /** 0 to 1. */
  readonly share: number;
}

/** What the query layer delivers for one alert, read for its window, tenant, service and host. */
export interface BreachAnalysis {
  /** The alert's own figure. */
  readonly headline: MetricChange;
  readonly contributors: readonly Contributor[];
  /** What else there is to compare, moved or not. */
  readonly changes: readonly MetricChange[];
}

/** A figure has moved from this factor on, or from so many points for shares in percent. */
const MIN_FACTOR = 1.3;
const MIN_PERCENTAGE_POINTS = 5;
const MAX_CHANGES = 3;
const MAX_CONTRIBUTORS = 2;
/** A contributor of less explains nothing. */
const MIN_SHARE = 0.2;

/**
 * One line on why: the alert's figure with its top contributors, then what else moved, the most
 * first: ``p95 ×3.1 (62 % `GET /rooms`); queue `emails` oldest job 4 min; CPU 96 % on web-2``.
 */
export function formatCause({
  headline,
  contributors,
  changes: movements,
}: BreachAnalysis): string {
  const others = movements
    .map((movement) => ({ movement, weight: computeChangeWeight(movement) }))
    .filter(({ weight }) => weight > 0)
    .sort(
      (a, b) =>
        b.weight - a.weight || (formatChange(a.movement) < formatChange(b.movement) ? -1 : 1),
    )
    .slice(0, MAX_CHANGES)
    .map(({ movement }) => formatChange(movement));
  const who = contributors
    .filter(({ share }) => share >= MIN_SHARE)
    .sort((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_CONTRIBUTORS)
    .map(formatContributor);
  const first = formatChange(headline) + (who.length > 0 ? ` (${who.join(', ')})` : '');
  return [first, ...others].join('; ');
}

/** How much a figure moved, in doublings; 0 for what did not. */
function computeChangeWeight({ before, now, unit }: MetricChange): number {
  if (!Number.isFinite(now) && !(now > 0)) return 0;
  if (unit === '%' && before !== undefined && Math.abs(now - before) < MIN_PERCENTAGE_POINTS)
    return 0;
  if (before === undefined || before <= 0) return now > 0 ? 10 : 0;
  if (now <= 0) return 10;
  const factor = now / before;
  if (factor < MIN_FACTOR && factor > 1 / MIN_FACTOR && unit !== '%') return 0;
  return Math.min(10, Math.abs(Math.log2(factor)));
}

function formatChange({
  metric: figure,
  subject,
  before,
  now,
  unit,
  display: shown,
}: MetricChange): string {
  const compared = shown === 'factor' && before !== undefined && before > 0 && Number.isFinite(now);
  const amount = compared ? `×${formatNumber(now / before)}` : formatWithUnit(now, unit);
  if (!subject) return `${figure} ${amount}`;
  const { dimension, name } = subject;
  if (dimension === 'instance') return `${figure} ${amount} on ${name}`;
  return `${dimension} \`${name}\` ${figure} ${amount}`;
}

function formatContributor({ dimension, name, share }: Contributor): string {
  const whole = dimension === 'endpoint' || dimension === 'operation';
  return `${formatPercent(share * 100)} ${whole ? '' : `${dimension} `}\`${name}\``;
}

function formatWithUnit(value: number, unit: ValueUnit): string {
  if (unit === 'ms') return formatDuration(value);
  if (unit === '%') return formatPercent(value);
  if (unit === 'By') return formatBytes(value);
  return unit === '1/min' ? `${formatNumber(value)}/min` : formatNumber(value);
}
