import { formatDuration } from '../../../core/format.ts';
import { computeTTail } from '../../../core/statistics/student-t.ts';
import type { SuggestionFacts, TenantFact } from '../facts/suggestion-facts.ts';
import { createSuggestion, type Suggestion } from '../suggestion.ts';
import { type Detector, getSeconds, toShare } from './detector.ts';

/** Fewer requests or intervals don't show how much the mean varies. */
const MIN_REQUESTS = 30;
const MIN_INTERVALS = 5;
/** Smaller differences come from different amounts of data, which are normal. */
export const MIN_TENANT_FACTOR = 2;
export const MIN_TENANT_DIFFERENCE_MS = 20;
/** Probability of a false suggestion, over all compared tenants and endpoints. */
const MAX_ERROR_PROBABILITY = 0.01;
/** Smallest standard deviation of the logarithms, so that few equal values aren't certain. */
const MIN_DEVIATION = 0.1;
/** A smaller probability would only look exact. */
const MIN_SHOWN_PERCENT = 0.01;

export const slowTenantDetector: Detector = {
  kind: 'slow-tenant',
  title: 'Endpoints that are slow for one tenant only',
  looksFor:
    "Tenants whose requests take much longer than other tenants' requests at the same endpoint.",
  minimum:
    "30 requests of the tenant and of the others, in 5 intervals. The tenant's mean must be twice the mean of the others, and 20 ms longer. A t-test over the intervals must have an error probability below 1 % for all comparisons together. Only callers who can read the other tenants' data see the suggestion.",
  nextStep: "Compare the tenant's amount of data and its plans with another tenant's.",
  detect,
};

function detect(facts: SuggestionFacts): Suggestion[] {
  return facts.tenants.flatMap((fact) => {
    const { own, others, intervals } = fact;
    if (own.count < MIN_REQUESTS || others.count < MIN_REQUESTS) return [];
    const difference = own.average - others.average;
    const isLarge =
      difference >= MIN_TENANT_DIFFERENCE_MS && own.average >= MIN_TENANT_FACTOR * others.average;
    if (!isLarge) return [];
    const probability = computeErrorProbability(intervals);
    const comparisons = Math.max(1, facts.tenantComparisons);
    if (!(probability * comparisons <= MAX_ERROR_PROBABILITY)) return [];
    return [
      toSuggestion(facts, fact, Math.max(MIN_SHOWN_PERCENT, 100 * probability * comparisons)),
    ];
  });
}

/**
 * Returns the probability of at least this difference if the tenant's requests were as fast as the others. Compares the
 * logarithms of the means in the same intervals with a paired t-test. Returns 1 with fewer than 5 intervals.
 */
export function computeErrorProbability(intervals: TenantFact['intervals']): number {
  const ratios = intervals
    .filter(({ own, others }) => own > 0 && others > 0)
    .map(({ own, others }) => Math.log(own / others))
    .filter(Number.isFinite);
  const n = ratios.length;
  if (n < MIN_INTERVALS) return 1;
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / n;
  const squares = ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0);
  const deviation = Math.max(MIN_DEVIATION, Math.sqrt(squares / (n - 1)));
  return mean <= 0 ? 1 : computeTTail(mean / (deviation / Math.sqrt(n)), n - 1);
}

function toSuggestion(facts: SuggestionFacts, fact: TenantFact, probability: number): Suggestion {
  const { service, endpoint, operation, organizationId, propertyId, own, others } = fact;
  const name = [operation, endpoint].filter(Boolean).join(' ') || 'An endpoint';
  const tenant =
    [organizationId, propertyId].filter(Boolean).join(' / ') || 'requests without a tenant';
  const ms = own.average - others.average;
  const { slowerPart } = fact;
  return createSuggestion({
    kind: 'slow-tenant',
    key: [service, endpoint, operation, organizationId, propertyId],
    ...{ service, endpoint, operation, organizationId, propertyId, range: facts.range },
    ...{ firstMs: fact.firstMs, lastMs: fact.lastMs },
    title: `${name} is slow only for ${tenant}: ${formatDuration(own.average)} instead of ${formatDuration(others.average)}`,
    evidence: [
      { label: 'Requests of the tenant', value: own.count, unit: '1' },
      { label: 'Mean duration for the tenant', value: own.average, unit: 'ms' },
      { label: 'Mean duration for the others', value: others.average, unit: 'ms' },
      { label: 'Requests of the others', value: others.count, unit: '1' },
      { label: 'Other tenants', value: fact.otherTenants, unit: '1' },
      { label: 'Compared intervals', value: fact.intervals.length, unit: '1' },
      { label: 'Error probability, at most', value: probability, unit: '%' },
    ],
    gain: {
      text: `Up to ${formatDuration(ms)} per request of the tenant.`,
      method: "Difference of the means of the tenant and of the other tenants' requests.",
      ms,
      share: toShare(ms, own.average),
    },
    nextStep: {
      text: `${slowerPart ? `Most of the additional time is in the ${slowerPart.name} (${formatDuration(slowerPart.ms)}). ` : ''}Compare the tenant's number of rows with other tenants', and check that indexes start with the tenant's column.`,
      code: createQueryCommand(organizationId),
    },
    confidence: own.count >= 200 && fact.intervals.length >= 10 ? 'high' : 'medium',
    savedMsPerSecond: (ms * own.count) / getSeconds(facts.range),
  });
}

/** Other names could change the meaning of a shell command. */
const PLAIN_NAME = /^[\w.-]+$/;

/** Returns a command that lists the slowest kept requests of the tenant. */
function createQueryCommand(organizationId: string | undefined): string {
  const isPlain = organizationId !== undefined && PLAIN_NAME.test(organizationId);
  const condition = isPlain ? ` AND organization_id = '${organizationId}'` : '';
  return `perfscope query "SELECT timestamp, value, tags FROM performance_metrics WHERE name = 'http.server.request.sample'${condition} ORDER BY value DESC LIMIT 20"`;
}
