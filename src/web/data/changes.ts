import type { ApiResponse } from '../../client/api-types.ts';
import { type Change, formatChange, formatPoints } from '../format/quantities.ts';
import { linkTo } from '../url/view-state.ts';
import { formatEndpoint } from './names.ts';

type RequestGroup = ApiResponse<'endpoints'>['endpoints'][number];
type Statement = ApiResponse<'database'>['statements'][number];

/** A difference between two periods that is worth a look. */
export interface NotableChange {
  readonly key: string;
  readonly name: string;
  readonly isCode: boolean;
  /** What changed, for example `p95`. */
  readonly what: string;
  readonly change: Change;
  readonly isWorse: boolean;
  readonly href: string;
  readonly score: number;
}

/** With fewer values in one of the periods, a difference is likely chance. */
const MIN_COUNT = 20;
const MIN_RATIO = 1.25;
const MIN_ERROR_POINTS = 1;
const MIN_COUNT_RATIO = 2;

/**
 * Finds the biggest changes of endpoints and statements, biggest first. A change of many requests weighs more than the
 * same change of a few.
 */
export function findChanges(
  endpoints: readonly RequestGroup[],
  statements: readonly Statement[],
): NotableChange[] {
  return [
    ...endpoints.flatMap((group) => compareRequests(group)),
    ...statements.flatMap((group) => compareStatement(group)),
  ].sort((a, b) => b.score - a.score);
}

function compareRequests({ group, previous, ...now }: RequestGroup): NotableChange[] {
  if (!previous || now.count < MIN_COUNT || previous.count < MIN_COUNT) return [];
  const base = {
    name: formatEndpoint(group),
    isCode: true,
    href: linkTo('/endpoint', {
      service: group.service,
      operation: group.operation,
      endpoint: group.endpoint,
    }),
  };
  const key = `request ${group.service} ${base.name}`;
  const weight = Math.log10(now.count + previous.count);
  const changes: NotableChange[] = [];
  const slower = compareRatio(now.p95, previous.p95, MIN_RATIO);
  if (slower) {
    changes.push({
      ...base,
      key: `${key} p95`,
      what: 'p95',
      ...slower,
      score: slower.score * weight,
    });
  }
  const points = (now.errorRate ?? 0) - (previous.errorRate ?? 0);
  const change = formatPoints(now.errorRate ?? 0, previous.errorRate ?? 0);
  if (change && Math.abs(points) >= MIN_ERROR_POINTS) {
    const score = Math.log2(1 + Math.abs(points)) * weight;
    changes.push({
      ...base,
      key: `${key} errors`,
      what: 'failed',
      change,
      isWorse: points > 0,
      score,
    });
  }
  const traffic = compareRatio(now.rate, previous.rate, MIN_COUNT_RATIO);
  if (traffic && changes.length === 0) {
    // More or fewer requests are neither good nor bad, so they weigh less.
    changes.push({
      ...base,
      key: `${key} rate`,
      what: 'requests',
      ...traffic,
      isWorse: false,
      score: 0.4 * traffic.score * weight,
    });
  }
  return changes;
}

function compareStatement({ group, previous, ...now }: Statement): NotableChange[] {
  if (!previous || now.count < MIN_COUNT || previous.count < MIN_COUNT) return [];
  const slower = compareRatio(now.average, previous.average, MIN_RATIO);
  if (!slower) return [];
  const name = group.endpoint ?? group.operation ?? '(none)';
  return [
    {
      key: `statement ${group.service} ${name}`,
      name,
      isCode: true,
      what: 'mean',
      ...slower,
      href: linkTo('/statement', { service: group.service, statement: group.endpoint }),
      score: slower.score * Math.log10(now.count + previous.count),
    },
  ];
}

function compareRatio(
  now: number | undefined,
  before: number | undefined,
  minRatio: number,
): Pick<NotableChange, 'change' | 'isWorse' | 'score'> | undefined {
  const change = formatChange(now, before);
  if (!change || !now || !before) return undefined;
  const ratio = Math.max(now / before, before / now);
  if (ratio < minRatio) return undefined;
  return { change, isWorse: now > before, score: Math.log2(ratio) };
}
