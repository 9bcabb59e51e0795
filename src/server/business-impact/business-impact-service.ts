import { DAY_MS } from '../../core/duration.ts';
import { narrowScope, type TenantScope } from '../../core/tenant-scope.ts';
import { queryRequestTotals } from '../../storage/queries/request-totals.ts';
import { ceilTo, floorTo, type TimeRange } from '../../storage/queries/time-range.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import { analyzeImpact, IMPACT_STEP_MS, type ImpactAnalysis } from './analyze-impact.ts';
import { describeImpact, NO_CAUSE } from './describe-impact.ts';
import { chooseImpactSources, listImpactChoices, type ServiceChoices } from './impact-choices.ts';
import {
  formatImpactSource,
  type ImpactSelection,
  type ImpactStatistic,
  nameImpactSource,
  parseImpactSource,
} from './impact-query.ts';
import { readImpactIntervals } from './read-intervals.ts';

/** A request for an analysis. Missing parts are chosen from the data. */
export interface ImpactRequest {
  /** The first is used. Default: the service with the most requests. */
  readonly service?: readonly string[] | undefined;
  readonly outcome?: string | undefined;
  readonly exposure?: string | undefined;
  readonly latency?: string | undefined;
  readonly statistic: ImpactStatistic;
}

/** The analysis of all visible tenants, or of one organization. */
interface ImpactResult {
  /** Undefined for all visible tenants. */
  readonly organizationId: string | undefined;
  readonly analysis: ImpactAnalysis;
  readonly sentences: readonly string[];
}

export interface BusinessImpact {
  readonly range: TimeRange;
  /** What was compared. Undefined if the data contains nothing to compare. */
  readonly selection:
    | {
        readonly service: string;
        readonly outcome: string;
        readonly exposure: string;
        readonly latency: string;
      }
    | undefined;
  readonly results: readonly ImpactResult[];
  readonly choices: readonly ServiceChoices[];
  readonly note: string;
}

/** Organizations over this limit have no separate analysis. */
const MAX_ORGANIZATIONS = 5;
/** With longer ranges, the histograms would take too much memory. */
export const MAX_IMPACT_RANGE_MS = 31 * DAY_MS;

/**
 * Joins outcomes with latency, for all tenants that are visible in the scope, and for the organizations with the most
 * requests.
 *
 * @param zone IANA time zone of the hours of the day
 * @throws PS_REQUEST_INVALID if a source is invalid
 * @throws PS_REQUEST_TOO_LARGE, PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function computeBusinessImpact(
  queryClient: QueryClient,
  request: ImpactRequest,
  requested: TimeRange,
  scope: TenantScope,
  zone: string,
): Promise<BusinessImpact> {
  const range = {
    fromMs: ceilTo(requested.fromMs, IMPACT_STEP_MS),
    toMs: floorTo(requested.toMs, IMPACT_STEP_MS),
  };
  const choices = await listImpactChoices(queryClient, range, scope);
  const selection = selectSources(request, choices);
  if (!selection) return { range, selection: undefined, results: [], choices, note: NO_CAUSE };
  const organizations = await listOrganizations(queryClient, selection, range, scope);
  const analyze = async (ofScope: TenantScope, organizationId?: string): Promise<ImpactResult> => {
    const intervals = await readImpactIntervals(queryClient, selection, range, ofScope);
    const analysis = analyzeImpact(intervals, zone);
    const sentences = describeImpact(analysis, {
      statistic: selection.statistic === 'average' ? 'mean' : selection.statistic,
      outcome: nameImpactSource(selection.outcome),
      exposure: nameImpactSource(selection.exposure),
    });
    return { organizationId, analysis, sentences };
  };
  const results = [await analyze(scope)];
  // The analysis of a single organization would be the same.
  if (organizations.length > 1) {
    for (const organizationId of organizations) {
      results.push(await analyze(narrowScope(scope, { organizationId }), organizationId));
    }
  }
  return {
    range,
    selection: {
      service: selection.service,
      outcome: formatImpactSource(selection.outcome),
      exposure: formatImpactSource(selection.exposure),
      latency: formatImpactSource(selection.latency),
    },
    results,
    choices,
    note: NO_CAUSE,
  };
}

function selectSources(
  { service: [service] = [], outcome, exposure, latency, statistic }: ImpactRequest,
  choices: readonly ServiceChoices[],
): ImpactSelection | undefined {
  const chosen = chooseImpactSources(choices, service);
  const selected = {
    service: service ?? chosen?.service,
    outcome: outcome ?? chosen?.outcome,
    exposure: exposure ?? chosen?.exposure,
  };
  // Wrong texts are reported, even if there is no data.
  const parsed = {
    outcome:
      selected.outcome === undefined ? undefined : parseImpactSource(selected.outcome, 'outcome'),
    exposure:
      selected.exposure === undefined
        ? undefined
        : parseImpactSource(selected.exposure, 'exposure'),
    latency: latency === undefined ? undefined : parseImpactSource(latency, 'latency'),
  };
  if (selected.service === undefined || !parsed.outcome || !parsed.exposure) return undefined;
  const isEndpoint = parsed.exposure.kind === 'endpoint';
  return {
    service: selected.service,
    outcome: parsed.outcome,
    exposure: parsed.exposure,
    latency: parsed.latency ?? (isEndpoint ? parsed.exposure : { kind: 'requests' }),
    statistic,
  };
}

/** Returns the organizations with the most requests of the service. */
async function listOrganizations(
  queryClient: QueryClient,
  { service }: ImpactSelection,
  range: TimeRange,
  scope: TenantScope,
): Promise<string[]> {
  const totals = await queryRequestTotals(queryClient, {
    scope,
    range,
    filter: { service: [service] },
    groupBy: ['organization'],
  });
  return totals
    .sort((a, b) => b.count - a.count)
    .flatMap(({ group }) => group.organization ?? [])
    .slice(0, MAX_ORGANIZATIONS);
}
