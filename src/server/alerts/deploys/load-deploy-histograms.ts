import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import { MINIMUM_COUNT } from '../../../core/statistics/compare-samples.ts';
import { WARM_UP_MS } from '../../../core/statistics/deploy-looks.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import {
  COMPARED_TYPES,
  type ComparedType,
  type GroupHistograms,
  queryGroupCounts,
  queryIntervalHistograms,
  SERIES_DIMENSIONS,
} from '../../../storage/queries/interval-histograms.ts';
import type { Dimension, Filter, Query } from '../../../storage/queries/query-definition.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import { NO_VERSION } from '../../../storage/queries/version-runs.ts';
import { ColumnBuffers } from '../../../storage/questdb/column-rows.ts';
import type { QueryClient, ScanClient } from '../../../storage/questdb/query-client.ts';
import type { DeployHistograms } from './compare-versions.ts';
import type { Deploy } from './deploy.ts';

/** Length of the period before the deploy. */
const BEFORE_MS = HOUR_MS;
/** Series with the most measurements. Others are not compared. */
const MAX_SERIES = 60;
/** Maximum number of pairs of an organization and an endpoint. */
const MAX_TENANT_SERIES = 60;
/**
 * Without versions, the requests of old and new processes can't be distinguished, and both can be slow during a rolling
 * deployment. Therefore, this time after the start is ignored.
 */
const ROLLING_MS = 10 * MINUTE_MS;
const TENANT_TYPES: readonly ComparedType[] = ['API_RESPONSE_TIME'];

/**
 * Loads the histograms around a deploy per minute: of the series with the most measurements, and of the largest
 * organizations of each endpoint.
 *
 * @param fromMs start of the period after the deploy. Default: the end of the warm-up.
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
 */
export async function loadDeployHistograms(
  client: ScanClient,
  deploy: Deploy,
  now: number,
  fromMs: number = deploy.startsMs + WARM_UP_MS,
): Promise<DeployHistograms> {
  const { startsMs, version } = deploy;
  const ranges = {
    before: { fromMs: startsMs - BEFORE_MS, toMs: startsMs },
    after: { fromMs, toMs: now },
    dayBefore: { fromMs: startsMs - BEFORE_MS - DAY_MS, toMs: startsMs - DAY_MS },
    dayAfter: { fromMs: startsMs - DAY_MS, toMs: startsMs - DAY_MS + HOUR_MS },
  };
  const buffers = new ColumnBuffers();
  const loadPart = async (byTenant: boolean) => {
    const selection = await selectSeries(client, deploy, ranges.after, byTenant);
    if (!selection) return { before: [], after: [], dayBefore: [], dayAfter: [] };
    const load = (range: TimeRange, groupBy: readonly Dimension[]) =>
      queryIntervalHistograms(
        client,
        { ...selection, range, groupBy, stepMs: MINUTE_MS },
        byTenant ? TENANT_TYPES : COMPARED_TYPES,
        buffers,
      );
    const dimensions = selection.groupBy;
    return {
      before: await load(ranges.before, [...dimensions, 'version']),
      after: await load(ranges.after, [...dimensions, 'version']),
      dayBefore: await load(ranges.dayBefore, dimensions),
      dayAfter: await load(ranges.dayAfter, dimensions),
    };
  };
  // One after the other, because the rows of each part take several megabytes.
  const parts = [await loadPart(false), await loadPart(true)];
  const join = (name: keyof (typeof parts)[number]): GroupHistograms[] =>
    parts.flatMap((part) => part[name]);
  const after = join('after');
  const hasVersion = after.some(({ group }) => group.version === version);
  return {
    version,
    before: join('before'),
    after: hasVersion ? after : after.map((group) => startAt(group, startsMs + ROLLING_MS)),
    dayBefore: { before: join('dayBefore'), after: join('dayAfter') },
  };
}

function startAt(group: GroupHistograms, fromMs: number): GroupHistograms {
  return { ...group, intervals: group.intervals.filter(({ atMs }) => atMs >= fromMs) };
}

type Selection = Query & { readonly groupBy: readonly Dimension[] };

/** Returns a query for the series with the most measurements, or undefined if there are too few measurements. */
async function selectSeries(
  queryClient: QueryClient,
  { service, environment, version }: Deploy,
  range: TimeRange,
  byTenant: boolean,
): Promise<Selection | undefined> {
  const groupBy: Dimension[] = [
    ...SERIES_DIMENSIONS,
    ...(byTenant ? ['organization' as const] : []),
  ];
  const filter: Filter = {
    service: [service],
    ...(environment !== undefined && { environment: [environment] }),
  };
  const types = byTenant ? TENANT_TYPES : COMPARED_TYPES;
  const count = (name: string) =>
    queryGroupCounts(
      queryClient,
      {
        ...{ scope: UNRESTRICTED_SCOPE, range, groupBy },
        filter: { ...filter, version: [name] },
      },
      types,
    );
  const own = await count(version);
  // Services without versions are compared before and after a recorded deploy.
  const counts = own.length > 0 ? own : await count(NO_VERSION);
  const largest = counts
    .filter(({ count, group }) => count >= MINIMUM_COUNT && (!byTenant || group.organization))
    .slice(0, byTenant ? MAX_TENANT_SERIES : MAX_SERIES);
  if (largest.length === 0) return undefined;
  const valuesOf = (name: Dimension) => [
    ...new Set(largest.map(({ group }) => group[name] ?? '(none)')),
  ];
  return {
    ...{ scope: UNRESTRICTED_SCOPE, range, groupBy },
    filter: {
      ...filter,
      endpoint: valuesOf('endpoint'),
      operation: valuesOf('operation'),
      ...(byTenant && { organization: valuesOf('organization') }),
    },
  };
}
