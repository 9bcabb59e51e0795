import type { ApiResponse } from '../../../client/api-types.ts';
import type { Kind } from '../../design/controls.tsx';
import { formatText } from '../../format/quantities.ts';
import { formatCoarse } from '../../format/times.ts';

export type Objective = ApiResponse<'objectives'>['objectives'][number];
export type ObjectiveGroup = Objective['groups'][number];

/** Burn-rate limits of the alerts. docs/objectives.md explains them. */
export const FAST_LIMIT = 14.4;
const MEDIUM_LIMIT = 6;
/** With less of the budget, the bar has the color of a warning. */
const LOW_BUDGET = 25;

/** Returns a text such as `99 % of requests within 500 ms, 30 d`. */
export function describeObjective({
  kind,
  target,
  threshold,
  window,
}: Pick<Objective, 'kind' | 'target' | 'threshold' | 'window'>): string {
  const limit = threshold === undefined ? '' : formatText(threshold, 'ms');
  const events = {
    availability: 'of events succeed',
    latency: `of events take at most ${limit}`,
    average: `of 5-minute slices have an average of at most ${limit}`,
    uptime: 'of minutes are up',
  }[kind];
  return `${target} % ${events}, over ${formatCoarse(window)}`;
}

/** Returns the color of a remaining budget, in percent. */
export function budgetKind({ status, budgetRemaining = 0 }: ObjectiveGroup): Kind {
  if (status === 'waiting') return 'none';
  if (status === 'exhausted') return 'critical';
  return budgetRemaining < LOW_BUDGET ? 'warning' : 'ok';
}

/** Whether an alert fires at this burn rate. */
export function isBurningFast({ burnRates }: ObjectiveGroup): boolean {
  const { fast = 0, medium = 0 } = burnRates;
  return fast > FAST_LIMIT || medium > MEDIUM_LIMIT;
}

/** Whether the budget is exhausted, low, or will be exhausted soon at the current burn rate. */
export function isInDanger(group: ObjectiveGroup): boolean {
  const kind = budgetKind(group);
  return kind === 'critical' || kind === 'warning' || (kind === 'ok' && isBurningFast(group));
}

/** Returns the burn rate of the shortest window with enough data. */
export function currentBurnRate({ burnRates }: ObjectiveGroup): number | undefined {
  return burnRates.fast ?? burnRates.medium ?? burnRates.slow;
}

/** Returns when the budget runs out. */
export function describeExhaustion(group: ObjectiveGroup, nowMs: number): string {
  const { status, exhaustedAt } = group;
  if (status === 'waiting') return '–';
  if (status === 'exhausted') return 'exhausted';
  if (exhaustedAt === undefined) return 'not at this rate';
  const leftMs = Date.parse(exhaustedAt) - nowMs;
  return leftMs > 0 ? `in ${formatCoarse(leftMs)}` : 'now';
}
