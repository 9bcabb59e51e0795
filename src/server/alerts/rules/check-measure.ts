import type { ReportProblem } from '../../../core/config-files/config-validation.ts';
import { formatSuggestion } from '../../../core/config-files/format-suggestion.ts';
import { ALERT_SEVERITIES, type PerformanceMetricType } from '../../../core/schema/enums.ts';
import { BUCKET_COLUMNS, type Dimension } from '../../../storage/queries/query-definition.ts';
import type { MeasureConfig, ThresholdsConfig } from './alert-rule-schema.ts';
import { type Aggregate, getAggregate, getRowSource } from './rule-aggregates.ts';

const PERCENTILES: readonly Aggregate[] = ['p50', 'p90', 'p95', 'p99', 'p999'];

/** Types of requests, calls, statements, and jobs. Their rows have no host. */
const EVENT_TYPES: ReadonlySet<PerformanceMetricType> = new Set<PerformanceMetricType>([
  'API_RESPONSE_TIME',
  'API_STREAM_DURATION',
  'OUTGOING_REQUEST_TIME',
  'DATABASE_QUERY_TIME',
  'QUEUE_WAIT_TIME',
  'QUEUE_PROCESSING_TIME',
]);

/** Reports dimensions that the measured rows don't have, and dimensions in `groupBy` that are listed twice. */
export function checkDimensions(entry: MeasureConfig, report: ReportProblem): void {
  const { aggregate, groupBy, filter } = entry;
  const rows = getRowSource(aggregate);
  for (const [i, name] of groupBy.entries()) {
    const missing = findMissingDimension(entry, name);
    if (!rows.groupBy.includes(name)) {
      const reason = `\`${aggregate}\` can't be grouped by it; ${formatSuggestion(name, rows.groupBy)}`;
      report(['groupBy', i], `${rows.name} have no \`${name}\`: ${reason}`);
    } else if (missing !== undefined) {
      const allowed = rows.groupBy.filter((each) => !findMissingDimension(entry, each));
      report(['groupBy', i], `${missing}; ${formatSuggestion(name, allowed)}`);
    } else if (groupBy.indexOf(name) < i) {
      report(['groupBy', i], `\`groupBy\` contains \`${name}\` twice; remove one of them`);
    }
  }
  for (const name of Object.keys(filter) as Dimension[]) {
    const missing = findMissingDimension(entry, name);
    if (!rows.filter.includes(name)) {
      const reason = `\`${aggregate}\` can't be filtered by it; ${formatSuggestion(name, rows.filter)}`;
      report(['filter', name], `${rows.name} have no \`${name}\`: ${reason}`, 'key');
    } else if (missing !== undefined) {
      const allowed = rows.filter.filter((each) => !findMissingDimension(entry, each));
      report(['filter', name], `${missing}; ${formatSuggestion(name, allowed)}`, 'key');
    }
  }
}

/** Returns why the rows of this aggregate and type never have a dimension, or undefined if they can have it. */
function findMissingDimension(
  { aggregate, type }: MeasureConfig,
  name: Dimension,
): string | undefined {
  if (PERCENTILES.includes(aggregate) && !(name in BUCKET_COLUMNS)) {
    return `\`${aggregate}\` has no \`${name}\`: percentiles are computed from buckets`;
  }
  if (name === 'host' && type !== undefined && EVENT_TYPES.has(type)) {
    return `\`${type}\` has no \`host\``;
  }
  return undefined;
}

/** Returns the greatest possible value of a share, or undefined if the values have no such limit. */
function getGreatestValue(aggregate: Aggregate): number | undefined {
  const { unit, isShare } = getAggregate(aggregate);
  if (unit === '%') return 100;
  return isShare ? 1 : undefined;
}

/** Reports thresholds of a share that the value can never cross. */
export function checkThresholdRange(
  { aggregate }: MeasureConfig,
  thresholds: ThresholdsConfig,
  report: ReportProblem,
): void {
  const greatest = getGreatestValue(aggregate);
  if (greatest === undefined) return;
  const unit = greatest === 100 ? 'is a percentage' : 'is a number from 0 to 1';
  for (const severity of ALERT_SEVERITIES) {
    const threshold = thresholds[severity];
    if (threshold === undefined || (threshold >= 0 && threshold <= greatest)) continue;
    const message = `\`${severity}\` must be from 0 to ${greatest}, not \`${threshold}\`: \`${aggregate}\` ${unit}`;
    report(['thresholds', severity], message);
  }
}
