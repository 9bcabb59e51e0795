import { prefixReport, type ReportProblem } from '../../../core/config-files/config-validation.ts';
import { formatSuggestion } from '../../../core/config-files/format-suggestion.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, parseDuration } from '../../../core/duration.ts';
import type { PerformanceMetricType } from '../../../core/schema/enums.ts';
import type { DIMENSIONS } from '../../../storage/queries/query-definition.ts';
import { OBJECTIVE_KINDS, type Objective, type ObjectiveKind } from './objective.ts';
import type { ObjectiveConfig } from './objective-schema.ts';

/** Types of measurements that count single events with a duration. */
const EVENT_TYPES: readonly PerformanceMetricType[] = [
  'API_RESPONSE_TIME',
  'OUTGOING_REQUEST_TIME',
  'DATABASE_QUERY_TIME',
  'QUEUE_WAIT_TIME',
  'QUEUE_PROCESSING_TIME',
];
const DEFAULT_TYPE: PerformanceMetricType = 'API_RESPONSE_TIME';

type RuleDimension = (typeof DIMENSIONS)[number];
const PROCESS_DIMENSIONS: readonly RuleDimension[] = [
  'service',
  'version',
  'environment',
  'instance',
];
const TENANT_DIMENSIONS: readonly RuleDimension[] = ['organization', 'property'];

const KINDS_WITH_THRESHOLD: ReadonlySet<ObjectiveKind> = new Set(['latency', 'average']);
/** Durations beyond this are not requests, and histograms of most SDKs end before. */
const MAX_THRESHOLD_MS = HOUR_MS;

/**
 * Builds an objective from its configuration. Returns `undefined` after reporting problems.
 *
 * @param retentionDays number of days for which roll-ups by minute are kept. Undefined if the period of this
 * objective isn't checked.
 */
export function buildObjective(
  entry: ObjectiveConfig,
  isTarget: boolean,
  retentionDays: number | undefined,
  report: ReportProblem,
): Objective | undefined {
  let isValid = true;
  const reportProblem: ReportProblem = (path, message, on) => {
    isValid = false;
    report(path, message, on);
  };
  const { kind, target, threshold, groupBy } = entry;
  const type = kind === 'uptime' ? undefined : (entry.type ?? DEFAULT_TYPE);
  checkType(entry, reportProblem);
  checkThreshold(entry, reportProblem);
  checkDimensions(entry, type, reportProblem);
  const periodMs = parseDuration(entry.window) ?? 30 * DAY_MS;
  if (retentionDays !== undefined && periodMs > retentionDays * DAY_MS) {
    const message = `\`window\` (${entry.window}) must be at most ${retentionDays}d: measurements are deleted after that time`;
    reportProblem(['window'], message);
  }
  const filter = Object.fromEntries(
    Object.entries(entry.filter).map(([name, values]) => [name, [values].flat()]),
  );
  // With a single tenant, its own users can see the objective.
  const ofTenant = TENANT_DIMENSIONS.filter((name) => name in filter && !groupBy.includes(name));
  checkTenants(entry, [...groupBy, ...ofTenant], reportProblem);
  if (!isValid) return undefined;
  return {
    name: entry.name,
    kind,
    description: entry.description,
    type,
    filter,
    groupBy: [...groupBy, ...ofTenant],
    enabled: true,
    target,
    thresholdMs: threshold,
    periodMs,
    alerts: entry.alerts,
    minimumBadEvents: entry.minimumBadEvents ?? OBJECTIVE_KINDS[kind].minimumBadEvents,
    isTarget,
    tenants: entry.tenants.map((tenant) => ({
      organization: tenant.organization,
      property: tenant.property,
      enabled: tenant.enabled,
      target: tenant.target ?? target,
      thresholdMs: tenant.threshold ?? threshold,
    })),
  };
}

function checkType({ kind, type }: ObjectiveConfig, report: ReportProblem): void {
  if (type === undefined) return;
  if (kind === 'uptime') report(['type'], "`uptime` doesn't support `type`", 'key');
  else if (!EVENT_TYPES.includes(type)) {
    const allowed = EVENT_TYPES.map((name) => `\`${name}\``).join(', ');
    report(['type'], `\`${type}\` has no single events to count; allowed: ${allowed}`);
  }
}

function checkThreshold({ kind, threshold }: ObjectiveConfig, report: ReportProblem): void {
  const isNeeded = KINDS_WITH_THRESHOLD.has(kind);
  if (isNeeded && threshold === undefined) {
    report(
      ['threshold'],
      `\`threshold\` is missing: \`${kind}\` requires a duration, such as \`500ms\``,
    );
  } else if (!isNeeded && threshold !== undefined) {
    report(['threshold'], `\`${kind}\` doesn't support \`threshold\``, 'key');
  } else if (threshold !== undefined && (threshold <= 0 || threshold > MAX_THRESHOLD_MS)) {
    report(
      ['threshold'],
      `\`threshold\` must be from 1 ms to ${MAX_THRESHOLD_MS / MINUTE_MS} min: no stored bucket is above this limit`,
    );
  }
}

/** Returns the dimensions that the counted rows have. */
function getDimensions(type: PerformanceMetricType | undefined): readonly RuleDimension[] {
  if (type === undefined) return [...PROCESS_DIMENSIONS, 'host'];
  const subjects: readonly RuleDimension[] = type.startsWith('QUEUE_')
    ? ['queue', 'queueScope', 'operation']
    : ['endpoint', 'operation'];
  return [...PROCESS_DIMENSIONS, ...TENANT_DIMENSIONS, ...subjects];
}

function checkDimensions(
  entry: ObjectiveConfig,
  type: PerformanceMetricType | undefined,
  report: ReportProblem,
): void {
  const known = getDimensions(type);
  const rows = type ?? 'health rows';
  const toMessage = (name: string) =>
    `\`${rows}\` have no \`${name}\`; ${formatSuggestion(name, known)}`;
  for (const [i, name] of entry.groupBy.entries()) {
    if (!known.includes(name)) report(['groupBy', i], toMessage(name));
  }
  for (const name of Object.keys(entry.filter)) {
    if (!known.includes(name as RuleDimension)) report(['filter', name], toMessage(name), 'key');
  }
}

/** Reports overrides that could never apply, and overrides that the kind doesn't support. */
function checkTenants(
  { kind, tenants }: ObjectiveConfig,
  groupBy: readonly RuleDimension[],
  report: ReportProblem,
): void {
  const seen = new Set<string>();
  for (const [i, { organization, property, threshold }] of tenants.entries()) {
    const reportTenant = prefixReport(report, 'tenants', i);
    for (const name of TENANT_DIMENSIONS) {
      const isUsed = name === 'organization' || property !== undefined;
      if (!isUsed || groupBy.includes(name)) continue;
      reportTenant(
        [name],
        `\`tenants\` requires that the objective is grouped by \`${name}\``,
        'key',
      );
    }
    if (threshold !== undefined && kind !== 'average') {
      const message = `\`${kind}\` doesn't support \`threshold\` in \`tenants\`; add an objective with a filter instead`;
      reportTenant(['threshold'], message, 'key');
    }
    const tenant = JSON.stringify([organization, property]);
    if (seen.has(tenant)) reportTenant([], 'this tenant is listed twice');
    seen.add(tenant);
  }
}
