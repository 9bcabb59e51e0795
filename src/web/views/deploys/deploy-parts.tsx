import type { ApiResponse } from '../../../client/api-types.ts';
import { Badge, type Kind } from '../../design/controls.tsx';
import { formatText } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';

export type Deploy = ApiResponse<'deploys'>['deploys'][number];
export type Finding = Deploy['findings'][number];

const STATUS_KINDS: Readonly<Record<Deploy['status'], Kind | undefined>> = {
  running: 'accent',
  regression: 'critical',
  ended: 'warning',
  ok: 'ok',
  'no data': undefined,
};
const STATUS_TEXTS: Readonly<Record<Deploy['status'], string>> = {
  running: 'comparing',
  regression: 'regression',
  ended: 'regression ended',
  ok: 'no regression',
  'no data': 'not enough data',
};

export function DeployStatus({ status }: { status: Deploy['status'] }) {
  return <Badge kind={STATUS_KINDS[status]}>{STATUS_TEXTS[status]}</Badge>;
}

export function VerdictBadge({ verdict }: { verdict: Finding['verdict'] }) {
  if (verdict === 'unchanged') return <span class="faint">no confirmed change</span>;
  const isWorse = verdict === 'regression';
  return <Badge kind={isWorse ? 'critical' : 'ok'}>{isWorse ? 'worse' : 'better'}</Badge>;
}

export function deployLink(id: string): string {
  return linkTo(`/deploys/${encodeURIComponent(id)}`);
}

const TYPE_TEXTS: Readonly<Record<Finding['type'], string>> = {
  API_RESPONSE_TIME: 'endpoint',
  DATABASE_QUERY_TIME: 'statement',
  OUTGOING_REQUEST_TIME: 'outgoing calls',
  QUEUE_PROCESSING_TIME: 'queue, processing',
  QUEUE_WAIT_TIME: 'queue, wait',
};
const STATISTIC_TEXTS: Readonly<Record<Finding['statistic'], string>> = {
  p95: 'p95',
  p50: 'median',
  mean: 'mean',
  typical: 'geometric mean',
  errorRate: 'error rate',
  abortedRate: 'aborted',
};

export function formatType({ type }: Finding): string {
  return TYPE_TEXTS[type];
}

export function formatStatistic({ statistic, isRelative }: Finding): string {
  return `${STATISTIC_TEXTS[statistic]}${isRelative ? ', relative to other series' : ''}`;
}

export function formatSubject({ type, endpoint, operation }: Finding): string {
  const hasMethod = type === 'API_RESPONSE_TIME' || type === 'OUTGOING_REQUEST_TIME';
  return [hasMethod && operation, endpoint ?? operation ?? '(no route)'].filter(Boolean).join(' ');
}

function isShare({ statistic }: Finding): boolean {
  return statistic === 'errorRate' || statistic === 'abortedRate';
}

/** Formats a duration or a share. */
export function formatStatisticValue(finding: Finding, value: number): string {
  return isShare(finding) ? formatText(100 * value, '%') : formatText(value, 'ms');
}

/** Formats a change in percent or in percentage points, such as `+34 %` or `−2.1 points`. */
export function formatDifference(finding: Finding, change: number): string {
  const percent = 100 * change;
  const digits = isShare(finding) ? 2 : 0;
  const sign = percent < 0 ? '−' : '+';
  return `${sign}${Math.abs(percent).toFixed(digits)}${isShare(finding) ? ' points' : ' %'}`;
}
