import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../../core/format.ts';
import type { Dimension } from '../../../storage/queries/query-definition.ts';

/** Unit of a metric change. Determines how the value is formatted. */
export type ValueUnit = 'ms' | '%' | '1' | '1/min' | 'By';

/** A metric in the window of a breach and in the window before. */
export interface MetricChange {
  /** Display name: `p95`, `CPU`, `oldest job`, `requests`. */
  readonly metric: string;
  /** What the metric describes. Undefined if it describes the subject of the alert. */
  readonly subject: { readonly dimension: Dimension; readonly name: string } | undefined;
  readonly before: number | undefined;
  readonly now: number;
  readonly unit: ValueUnit;
  /** `factor` shows the change (`p95 ×3.1`), `level` the current value (`CPU 96 %`). */
  readonly display: 'factor' | 'level';
}

/** A contributor to the breached value and its share. */
export interface Contributor {
  readonly dimension: Dimension;
  readonly name: string;
  /** Share from 0 to 1. */
  readonly share: number;
}

/** The data that explains one alert, for its window, tenant, service, and host. */
export interface BreachAnalysis {
  /** The value of the rule itself. */
  readonly headline: MetricChange;
  readonly contributors: readonly Contributor[];
  /** Other metrics, changed or not. */
  readonly changes: readonly MetricChange[];
}

/**
 * A smaller factor doesn't count as a change. Percentages have to change by
 * `MIN_PERCENTAGE_POINTS`.
 */
const MIN_FACTOR = 1.3;
const MIN_PERCENTAGE_POINTS = 5;
const MAX_CHANGES = 3;
const MAX_CONTRIBUTORS = 2;
/** Contributors with a smaller share aren't shown. */
const MIN_SHARE = 0.2;

/**
 * Formats an explanation as one line. It contains the rule's value with its top contributors, then the
 * largest other changes.
 *
 * Example: ``p95 ×3.1 (62 % `GET /rooms`); queue `emails` oldest job 4 min; CPU 96 % on web-2``.
 */
export function formatCause({ headline, contributors, changes }: BreachAnalysis): string {
  const others = changes
    .map((change) => ({ text: formatChange(change), weight: computeChangeWeight(change) }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight || (a.text < b.text ? -1 : 1))
    .slice(0, MAX_CHANGES)
    .map(({ text }) => text);
  const top = contributors
    .filter(({ share }) => share >= MIN_SHARE)
    .sort((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_CONTRIBUTORS)
    .map(formatContributor);
  const first = formatChange(headline) + (top.length > 0 ? ` (${top.join(', ')})` : '');
  return [first, ...others].join('; ');
}

/** Returns the size of a change in doublings, at most 10. Returns 0 if nothing changed. */
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

function formatChange({ metric, subject, before, now, unit, display }: MetricChange): string {
  const isFactor =
    display === 'factor' && before !== undefined && before > 0 && Number.isFinite(now);
  const amount = isFactor ? `×${formatNumber(now / before)}` : formatWithUnit(now, unit);
  if (!subject) return `${metric} ${amount}`;
  const { dimension, name } = subject;
  if (dimension === 'instance') return `${metric} ${amount} on ${name}`;
  return `${dimension} \`${name}\` ${metric} ${amount}`;
}

function formatContributor({ dimension, name, share }: Contributor): string {
  const isClear = dimension === 'endpoint' || dimension === 'operation';
  return `${formatPercent(share * 100)} ${isClear ? '' : `${dimension} `}\`${name}\``;
}

function formatWithUnit(value: number, unit: ValueUnit): string {
  if (unit === 'ms') return formatDuration(value);
  if (unit === '%') return formatPercent(value);
  if (unit === 'By') return formatBytes(value);
  return unit === '1/min' ? `${formatNumber(value)}/min` : formatNumber(value);
}
