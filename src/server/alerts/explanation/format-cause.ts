import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../../core/format.ts';
import type { Dimension } from '../../../storage/queries/query-definition.ts';
import type { Bottleneck } from '../../bottlenecks/bottleneck.ts';
import { REQUEST_PARTS } from '../../bottlenecks/request-part-table.ts';

/** Unit of a metric change. Determines how the value is formatted. */
export type ValueUnit = 'ms' | '%' | '1' | '1/min' | 'By';

/** A metric in the window of a breach and in its baseline, the time before. */
export interface MetricChange {
  /** Display name: `CPU`, `database time`, `requests`. */
  readonly metric: string;
  /** What the metric describes. Undefined if it describes the subject of the alert. */
  readonly subject: { readonly dimension: Dimension; readonly name: string } | undefined;
  readonly before: number;
  readonly now: number;
  readonly unit: ValueUnit;
  /** The direction that can cause a problem. */
  readonly harmful: 'up' | 'down';
}

/** A contributor to the breached value. */
export interface Contributor {
  readonly dimension: Dimension;
  readonly name: string;
  /** Share of the time, the errors, or the jobs, from 0 to 1. */
  readonly share: number;
  /** Share of the requests, statements, or jobs that is expected without a problem, from 0 to 1. */
  readonly expectedShare: number;
}

/** The part of the requests that accounts for most of their additional time. Times are means per request in ms. */
export interface SlowerPart {
  /** Display name: `database`. */
  readonly name: string;
  readonly before: number;
  readonly now: number;
  /** Duration of the requests. */
  readonly total: number;
  /** The statement, host, or pool with most of the additional time, if there is one. */
  readonly operation: string | undefined;
}

/** The data that explains one alert, for its window, tenant, and service. */
export interface BreachAnalysis {
  /** The rule's own value. Undefined without a baseline. */
  readonly headline: MetricChange | undefined;
  /** Only for alerts about the duration of requests. */
  readonly slowerPart: SlowerPart | undefined;
  /** The part that limits the requests in the window. Only for alerts about the duration of requests. */
  readonly bottleneck?: Bottleneck | undefined;
  readonly contributors: readonly Contributor[];
  /** Other metrics, changed or not. Each has enough data in the window and in the baseline. */
  readonly changes: readonly MetricChange[];
  /** Services on the host of an alert about a host, with the most CPU time first. */
  readonly services: readonly string[];
}

/** A smaller factor doesn't count as a change. */
const MIN_FACTOR = 1.5;
/** A smaller change of a percentage doesn't count. */
const MIN_PERCENTAGE_POINTS = 10;
const MAX_CHANGES = 3;
const MAX_CONTRIBUTORS = 2;
const MAX_SERVICES = 5;
const MAX_OPERATION_LENGTH = 120;
/** Contributors with a smaller share aren't shown. */
const MIN_SHARE = 0.2;
/** Factor by which a contributor's share must exceed its expected share. */
const MIN_EXCESS = 1.3;
/** A contributor with almost everything is shown even if this is expected. */
const DOMINANT_SHARE = 0.9;

/**
 * Formats an explanation as one line. It contains how the rule's value changed, the slower part of the requests, and
 * who contributes more than expected. Other metrics that changed at the same time follow. It doesn't repeat the
 * rule's value, which continues to change.
 *
 * Example: ``up from 400 ms; 62 % from `GET /rooms`; database time ×3.1; CPU up from 40 % to 96 % on web-2``.
 *
 * @returns `undefined` if nothing explains the alert
 */
export function formatCause(analysis: BreachAnalysis): string | undefined {
  const { headline, slowerPart, contributors, changes, services } = analysis;
  const others = changes
    .map((change) => ({ text: formatChange(change), weight: computeChangeWeight(change) }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight || (a.text < b.text ? -1 : 1))
    .slice(0, MAX_CHANGES)
    .map(({ text }) => text);
  const isErrorType = ({ dimension }: Contributor) => dimension === 'errorType';
  const top = [
    ...formatTop(contributors.filter(isErrorType)),
    ...formatTop(contributors.filter((each) => !isErrorType(each))),
  ];
  const parts = [
    ...(headline && computeChangeWeight(headline) > 0 ? [formatHeadline(headline)] : []),
    ...(slowerPart ? [formatSlowerPart(slowerPart)] : []),
    ...formatBottleneck(analysis),
    ...(top.length > 0 ? [top.join(', ')] : []),
    ...others,
    ...(services.length > 0 ? [formatServices(services)] : []),
  ];
  return parts.length > 0 ? parts.join('; ') : undefined;
}

function formatTop(contributors: readonly Contributor[]): string[] {
  return contributors
    .filter(isContributing)
    .sort((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_CONTRIBUTORS)
    .map(formatContributor);
}

function isContributing({ share, expectedShare }: Contributor): boolean {
  return share >= MIN_SHARE && (share >= DOMINANT_SHARE || share >= MIN_EXCESS * expectedShare);
}

/**
 * Returns the size of a harmful change in doublings, at most 10. Returns 0 if the metric didn't change, or
 * changed in the other direction.
 */
function computeChangeWeight({ before, now, unit, harmful }: MetricChange): number {
  if (Number.isNaN(now) || !Number.isFinite(before)) return 0;
  const [low, high] = harmful === 'up' ? [before, now] : [now, before];
  if (high <= low || high <= 0) return 0;
  if (unit === '%') {
    if (high - low < MIN_PERCENTAGE_POINTS) return 0;
  } else if (high < MIN_FACTOR * low) {
    return 0;
  }
  return low <= 0 ? 10 : Math.min(10, Math.log2(high / low));
}

function formatHeadline({ before, unit, harmful }: MetricChange): string {
  return `${harmful} from ${formatWithUnit(before, unit)}`;
}

/** Formats a part: ``database 1.84 s of 2.1 s per request, up from 120 ms, mostly `SELECT name FROM rooms` ``. */
function formatSlowerPart({ name, before, now, total, operation }: SlowerPart): string {
  const times = `${formatDuration(now)} of ${formatDuration(total)} per request`;
  const isLong = operation !== undefined && operation.length > MAX_OPERATION_LENGTH;
  const shortened = isLong ? `${operation.slice(0, MAX_OPERATION_LENGTH)}…` : operation;
  const cause = shortened === undefined ? '' : `, mostly \`${shortened}\``;
  return `${name} ${times}, up from ${formatDuration(before)}${cause}`;
}

/** Formats the part that limits the requests, unless it is already shown as the slower part, or unclear. */
function formatBottleneck({ bottleneck, slowerPart }: BreachAnalysis): string[] {
  const part = REQUEST_PARTS.find(({ id }) => id === bottleneck?.part);
  if (bottleneck === undefined || part === undefined || part.name === slowerPart?.name) return [];
  return [
    `${bottleneck.text.charAt(0).toLowerCase()}${bottleneck.text.slice(1).replace(/\.$/, '')}`,
  ];
}

function formatChange({ metric, subject, before, now, unit, harmful }: MetricChange): string {
  const isFactor = unit !== '%' && before > 0 && now > 0 && Number.isFinite(now);
  const amount = isFactor
    ? `×${formatNumber(now / before)}`
    : `${harmful} from ${formatWithUnit(before, unit)} to ${formatWithUnit(now, unit)}`;
  if (!subject) return `${metric} ${amount}`;
  const { dimension, name } = subject;
  if (dimension === 'instance' || dimension === 'host') return `${metric} ${amount} on ${name}`;
  // The metric ends with a preposition, such as `failed calls to`.
  if (dimension === 'endpoint') return `${metric} \`${name}\` ${amount}`;
  return `${dimension} \`${name}\` ${metric} ${amount}`;
}

function formatContributor({ dimension, name, share }: Contributor): string {
  if (dimension === 'errorType') return `${formatPercent(share * 100)} \`${name}\``;
  const isClear = dimension === 'endpoint' || dimension === 'operation';
  return `${formatPercent(share * 100)} from ${isClear ? '' : `${dimension} `}\`${name}\``;
}

function formatServices(services: readonly string[]): string {
  const shown = services.slice(0, MAX_SERVICES).join(', ');
  const rest = services.length - MAX_SERVICES;
  return `services on this host: ${shown}${rest > 0 ? `, and ${rest} more` : ''}`;
}

function formatWithUnit(value: number, unit: ValueUnit): string {
  if (unit === 'ms') return formatDuration(value);
  if (unit === '%') return formatPercent(value);
  if (unit === 'By') return formatBytes(value);
  return unit === '1/min' ? `${formatNumber(value)}/min` : formatNumber(value);
}
