import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { DeploySource } from '../../../core/schema/tables/deploys-table.ts';
import { DEPLOY_LOOKS } from '../../../core/statistics/deploy-looks.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { ServiceEvent } from '../../../storage/queries/service-events.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import { queryVersionRuns } from '../../../storage/queries/version-runs.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { Deploy } from './deploy.ts';
import type { DeployStore } from './deploy-store.ts';
import { type Finding, formatFinding, selectHeadlines } from './finding.ts';

/** A finding with its sentence. */
export interface FindingView extends Finding {
  readonly text: string;
}

/** `running` until the last comparison. `regression` if a regression was confirmed, and hasn't ended. */
export const DEPLOY_STATUSES = ['running', 'regression', 'ended', 'ok', 'no data'] as const;
type DeployStatus = (typeof DEPLOY_STATUSES)[number];

/** A deploy in API responses. Callers limited to tenants don't see its commit, author, and link. */
export interface DeployView {
  readonly id: string;
  readonly service: string;
  readonly environment: string | undefined;
  readonly version: string;
  readonly previousVersion: string | undefined;
  readonly sources: readonly DeploySource[];
  readonly startsAt: Date;
  readonly commit: string | undefined;
  readonly author: string | undefined;
  readonly url: string | undefined;
  readonly status: DeployStatus;
  /** Number of series with enough data in the last comparison. */
  readonly comparedSeries: number;
  readonly endedAt: Date | undefined;
  readonly endReason: string | undefined;
  /** One confirmed change for each series and kind. */
  readonly findings: readonly FindingView[];
}

/** Returns whether the caller can see the deploys, authors, and findings of all tenants. */
export function canSeeAllDeploys({ organizations, properties }: TenantScope): boolean {
  return organizations === 'all' && properties === 'all';
}

/** Findings about all tenants are visible only to callers that can see all tenants. */
export function isFindingVisible({ organization }: Finding, scope: TenantScope): boolean {
  if (canSeeAllDeploys(scope)) return true;
  const { organizations, properties } = scope;
  if (properties !== 'all' || organization === undefined) return false;
  return organizations === 'all' || organizations.includes(organization);
}

/**
 * Returns a function that returns whether a caller can see a deploy. The version must have sent measurements of the
 * caller's tenants, in the range or in the day before it.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function createDeployFilter(
  queryClient: QueryClient,
  { fromMs, toMs }: TimeRange,
  scope: TenantScope,
): Promise<(deploy: Deploy) => boolean> {
  if (canSeeAllDeploys(scope)) return () => true;
  const range = { fromMs: fromMs - DAY_MS, toMs: Math.max(toMs, fromMs + 1) };
  const runs = await queryVersionRuns(queryClient, { scope, range });
  const visible = new Set(runs.map(toVersionKey));
  return (deploy) => visible.has(toVersionKey(deploy));
}

function toVersionKey({
  service,
  environment,
  version,
}: Pick<Deploy, 'service' | 'environment' | 'version'>): string {
  return JSON.stringify([service, environment ?? '', version]);
}

/**
 * Lists the deploys that started in a range and that a caller can see, oldest first.
 *
 * @param services services of the deploys. Default: all services.
 * @param now current time in ms since the epoch
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function listDeployViews(
  queryClient: QueryClient,
  store: Pick<DeployStore, 'list'>,
  request: {
    readonly range: TimeRange;
    readonly services?: readonly string[] | undefined;
    readonly scope: TenantScope;
    readonly now: number;
  },
): Promise<DeployView[]> {
  const { range, services, scope, now } = request;
  const { fromMs, toMs } = range;
  const deploys = await store.list(fromMs, toMs, services);
  if (deploys.length === 0) return [];
  const isVisible = await createDeployFilter(queryClient, { fromMs, toMs: toMs + DAY_MS }, scope);
  return deploys.filter(isVisible).map((deploy) => toDeployView(deploy, scope, now));
}

/** Adds the sentence of a finding. */
export function toFindingView(finding: Finding, version: string): FindingView {
  return { ...finding, text: formatFinding(version, finding) };
}

/** Converts a deploy for a caller with `scope`. `now` is in ms since the epoch. */
export function toDeployView(deploy: Deploy, scope: TenantScope, now: number): DeployView {
  const { id, service, environment, version, previousVersion, sources, startsMs } = deploy;
  const isAdministrator = canSeeAllDeploys(scope);
  const findings = deploy.findings.filter((finding) => isFindingVisible(finding, scope));
  return {
    ...{ id, service, environment, version, previousVersion, sources },
    startsAt: new Date(startsMs),
    commit: isAdministrator ? deploy.commit : undefined,
    author: isAdministrator ? deploy.author : undefined,
    url: isAdministrator ? deploy.url : undefined,
    status: getStatus({ ...deploy, findings }, now),
    comparedSeries: deploy.comparedSeries,
    endedAt: deploy.endedMs === undefined ? undefined : new Date(deploy.endedMs),
    endReason: deploy.endReason,
    findings: selectHeadlines(findings).map((finding) => toFindingView(finding, version)),
  };
}

/** A deploy without data has the status `running` for this time. */
const RUNNING_MS = 2 * HOUR_MS;

function getStatus(
  { findings, endedMs, look, startsMs, comparedSeries }: Deploy,
  now: number,
): DeployStatus {
  if (findings.some(({ verdict }) => verdict === 'regression')) {
    return endedMs === undefined ? 'regression' : 'ended';
  }
  if (look < DEPLOY_LOOKS.length && endedMs === undefined && now - startsMs < RUNNING_MS)
    return 'running';
  return comparedSeries === 0 ? 'no data' : 'ok';
}

/** A detected version can be a few minutes away from the start of its deploy. */
const SAME_DEPLOY_MS = 30 * MINUTE_MS;

/** Removes new versions that are also deploys. Health rows and measurements of a process start at different times. */
export function omitDeployedVersions(
  events: readonly ServiceEvent[],
  deploys: readonly Pick<DeployView, 'service' | 'version' | 'startsAt'>[],
): ServiceEvent[] {
  return events.filter(
    (event) =>
      event.kind !== 'version' ||
      !deploys.some(
        ({ service, version, startsAt }) =>
          service === event.service &&
          version === event.version &&
          Math.abs(startsAt.getTime() - event.atMs) <= SAME_DEPLOY_MS,
      ),
  );
}
