import { z } from 'zod';
import { formatNumber } from '../../../core/format.ts';
import {
  DURATION_STATISTICS,
  isShareStatistic,
  SHARE_STATISTICS,
  type Statistic,
} from '../../../core/statistics/sample-estimates.ts';
import { COMPARED_TYPES, type ComparedType } from '../../../storage/queries/interval-histograms.ts';
import { COMPARISON_METHODS } from './comparison-times.ts';

const optionalText = z.string().optional();

const findingSchema = z.object({
  type: z.enum(COMPARED_TYPES),
  endpoint: optionalText,
  operation: optionalText,
  queueScope: optionalText,
  organization: optionalText,
  statistic: z.enum([...DURATION_STATISTICS, ...SHARE_STATISTICS]),
  verdict: z.enum(['regression', 'improvement', 'unchanged']),
  /** How the samples were chosen: `concurrent` compares both versions in the same minutes. */
  method: z.enum(COMPARISON_METHODS),
  before: z.number(),
  after: z.number(),
  change: z.number(),
  lower: z.number(),
  upper: z.number(),
  countBefore: z.number(),
  countAfter: z.number(),
  /** Number of the comparison that confirmed the change. 0 outside of deploys. */
  look: z.number(),
  /** Whether the change of the other series in the same time is subtracted. */
  isRelative: z.boolean().optional(),
});

/**
 * A compared statistic of one series. Durations are in ms, and shares from 0 to 1. `change`, `lower`, and `upper` are
 * relative for durations, and differences for shares.
 */
export type Finding = Readonly<z.output<typeof findingSchema>>;
export type FindingSeries = Pick<
  Finding,
  'type' | 'endpoint' | 'operation' | 'queueScope' | 'organization'
>;

/** Returns the findings in a stored text. Invalid text contains none. */
export function parseFindings(text: string | undefined): readonly Finding[] {
  try {
    const { success, data } = z.array(findingSchema).safeParse(JSON.parse(text ?? '[]'));
    return success ? data : [];
  } catch {
    return [];
  }
}

export function toSeriesKey(series: FindingSeries): string {
  const { type, endpoint, operation, queueScope, organization } = series;
  return JSON.stringify([type, endpoint, operation, queueScope, organization]);
}

/** Statistics in the order in which a finding is named after them. */
const ORDER: readonly Statistic[] = ['errorRate', 'p95', 'mean', 'p50', 'typical', 'abortedRate'];

/**
 * Returns one confirmed change per series, direction, and kind: duration or failures. The comparison that confirmed
 * the first of them decides, so that later comparisons don't replace it.
 */
export function selectHeadlines(findings: readonly Finding[]): Finding[] {
  const groups = Map.groupBy(
    findings.filter(({ verdict }) => verdict !== 'unchanged'),
    (finding) =>
      `${toSeriesKey(finding)} ${finding.verdict} ${isShareStatistic(finding.statistic)}`,
  );
  return [...groups.values()].map((group) =>
    group.reduce((a, b) => (toRank(a) <= toRank(b) ? a : b)),
  );
}

/** Omits regressions of single organizations in series that are worse for all organizations. */
export function omitRepeatedRegressions<T extends Finding>(regressions: readonly T[]): T[] {
  const ofAllTenants = new Set(
    regressions.filter(({ organization }) => organization === undefined).map(toSeriesKey),
  );
  return regressions.filter(
    (finding) =>
      finding.organization === undefined ||
      !ofAllTenants.has(toSeriesKey({ ...finding, organization: undefined })),
  );
}

function toRank({ look, statistic }: Finding): number {
  return look * ORDER.length + ORDER.indexOf(statistic);
}

const TYPE_NOUNS: Readonly<Record<ComparedType, string>> = {
  API_RESPONSE_TIME: '',
  DATABASE_QUERY_TIME: 'the statement ',
  OUTGOING_REQUEST_TIME: 'calls to ',
  QUEUE_PROCESSING_TIME: 'jobs of the queue ',
  QUEUE_WAIT_TIME: 'the wait in the queue ',
};
const COUNT_NOUNS: Readonly<Record<ComparedType, string>> = {
  API_RESPONSE_TIME: 'requests',
  DATABASE_QUERY_TIME: 'calls',
  OUTGOING_REQUEST_TIME: 'calls',
  QUEUE_PROCESSING_TIME: 'jobs',
  QUEUE_WAIT_TIME: 'jobs',
};
const STATISTIC_NAMES: Readonly<Record<Statistic, string>> = {
  p95: 'at p95',
  p50: 'at the median',
  mean: 'on average',
  typical: 'on geometric average',
  errorRate: 'error rate',
  abortedRate: 'share of aborted requests',
};
const MAX_NAME_LENGTH = 120;

/** Returns the name of a series, such as `POST /bookings` or `jobs of the queue mail`. */
export function formatSubject({ type, endpoint, operation, organization }: FindingSeries): string {
  const isNamedByOperation = type === 'API_RESPONSE_TIME' || type === 'OUTGOING_REQUEST_TIME';
  const name = [isNamedByOperation ? operation : undefined, endpoint ?? operation ?? '(no route)']
    .filter((text) => text !== undefined)
    .join(' ')
    .slice(0, MAX_NAME_LENGTH);
  const tenant = organization === undefined ? '' : ` for ${organization}`;
  return `${TYPE_NOUNS[type]}${name}${tenant}`;
}

/** Returns the statistic as in `34 % slower at p95`. */
export function formatStatistic({
  statistic,
  isRelative,
}: Pick<Finding, 'statistic' | 'isRelative'>): string {
  return `${STATISTIC_NAMES[statistic]}${isRelative ? ' compared with other series' : ''}`;
}

/** Returns the evidence, such as `1,204 requests, 99 % confidence`. */
export function formatEvidence({ type, countAfter }: Pick<Finding, 'type' | 'countAfter'>): string {
  return `${countAfter.toLocaleString('en-US')} ${COUNT_NOUNS[type]}, 99 % confidence`;
}

/** Returns the values of a change, such as `34 % slower at p95` or `error rate from 1 % to 4 %`. */
function formatValues(finding: Finding): string {
  const { statistic, change, before, after } = finding;
  if (isShareStatistic(statistic)) {
    const [from, to] = [before, after].map((share) => `${formatNumber(100 * share)} %`);
    return `${STATISTIC_NAMES[statistic]} from ${from} to ${to}`;
  }
  const word = change > 0 ? 'slower' : 'faster';
  return `${Math.round(100 * Math.abs(change))} % ${word} ${formatStatistic(finding)}`;
}

/** Returns a change without its version and evidence, such as `POST /bookings 34 % slower at p95`. */
export function formatChangeOf(finding: Finding): string {
  const separator = isShareStatistic(finding.statistic) ? ',' : '';
  return `${formatSubject(finding)}${separator} ${formatValues(finding)}`;
}

/** Returns a sentence, such as `1.8.0 made POST /bookings 34 % slower at p95 (1,204 requests, 99 % confidence)`. */
export function formatFinding(version: string, finding: Finding): string {
  const { statistic, change, before, after } = finding;
  const subject = formatSubject(finding);
  const evidence = formatEvidence(finding);
  if (isShareStatistic(statistic)) {
    const verb = change > 0 ? 'increased' : 'reduced';
    const [from, to] = [before, after].map((share) => `${formatNumber(100 * share)} %`);
    return `${version} ${verb} the ${STATISTIC_NAMES[statistic]} of ${subject} from ${from} to ${to} (${evidence})`;
  }
  return `${version} made ${subject} ${formatValues(finding)} (${evidence})`;
}
