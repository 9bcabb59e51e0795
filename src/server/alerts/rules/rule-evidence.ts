import type { ReportProblem } from '../../../core/config-files/config-validation.ts';
import { formatDuration } from '../../../core/format.ts';
import type { PerformanceMetricType } from '../../../core/schema/enums.ts';
import type { RuleEvidence, RuleSource } from './alert-rule.ts';
import type { AlertRuleConfig } from './alert-rule-schema.ts';
import { AGGREGATES, type Aggregate, getAggregate } from './rule-aggregates.ts';

const AGGREGATE_NAMES = Object.keys(AGGREGATES) as Aggregate[];

/** Share of the window that must have data before a host value counts: 2 min of 5 min. */
const GAUGE_COVERAGE = 0.4;
/** Share of the window that must have data before the uptime counts. */
const UPTIME_COVERAGE = 0.5;

/** Types whose values are sampled. The first samples of a process also contain its startup. */
const SAMPLED_TYPES: ReadonlySet<PerformanceMetricType | undefined> = new Set([
  'CPU_USAGE',
  'MEMORY_USAGE',
  'DISK_USAGE',
  'NETWORK_IO',
  'EVENT_LOOP_DELAY',
  'HEAP_USAGE',
]);

/** Builds the evidence that a rule requires. Reports keys that don't fit the rule. */
export function buildEvidence(
  entry: AlertRuleConfig,
  source: RuleSource,
  report: ReportProblem,
): RuleEvidence {
  const aggregate = source.kind === 'measure' ? getAggregate(source.aggregate) : undefined;
  const isShare = aggregate?.isShare ?? source.kind === 'sql';
  const { confidence, minimumCoverage } = entry;
  if (confidence !== undefined && confidence !== 'none' && !isShare) {
    const shares = AGGREGATE_NAMES.filter((name) => getAggregate(name).isShare);
    const list = shares.map((name) => `\`${name}\``).join(', ');
    const message = `\`confidence\` requires an aggregate that is a share; allowed: ${list}`;
    report(['confidence'], message, 'key');
  }
  const defaultConfidence = aggregate?.isShare ? '95%' : 'none';
  const windowMs = source.kind === 'internal' ? undefined : source.windowMs;
  if (minimumCoverage !== undefined && (windowMs === undefined || source.kind !== 'measure')) {
    report(['minimumCoverage'], '`minimumCoverage` requires a `measure`', 'key');
  } else if (
    minimumCoverage !== undefined &&
    windowMs !== undefined &&
    minimumCoverage > windowMs
  ) {
    report(
      ['minimumCoverage'],
      `\`minimumCoverage\` (${formatDuration(minimumCoverage)}) must be at most \`window\` (${formatDuration(windowMs)})`,
    );
  }
  return {
    confidence: confidence ?? defaultConfidence,
    scale: aggregate?.unit === '1' ? 1 : 100,
    excludesOutlier: confidence !== 'none',
    minimumCoverageMs: minimumCoverage ?? getDefaultCoverage(source),
  };
}

function getDefaultCoverage(source: RuleSource): number {
  if (source.kind !== 'measure') return 0;
  const { aggregate, type, windowMs } = source;
  if (aggregate === 'uptime') return UPTIME_COVERAGE * windowMs;
  return SAMPLED_TYPES.has(type) ? GAUGE_COVERAGE * windowMs : 0;
}
