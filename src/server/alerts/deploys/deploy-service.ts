import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import { createError } from '../../../core/perfscope-error.ts';
import type { DeploySource } from '../../../core/schema/tables/deploys-table.ts';
import { DEPLOY_LOOKS } from '../../../core/statistics/deploy-looks.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import { queryVersionRuns } from '../../../storage/queries/version-runs.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { AlertEvaluator } from '../alert-evaluator.ts';
import type { Deploy } from './deploy.ts';
import type { DeployReport } from './deploy-store.ts';
import { type Finding, formatFinding, selectHeadlines } from './finding.ts';

/** A finding with its sentence. */
interface FindingView extends Finding {
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

/** Deploys and their findings. Callers limited to tenants see only findings about these tenants. */
export interface DeployService {
  /**
   * Lists the deploys that started in a range, oldest first.
   *
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  listDeploys(
    range: TimeRange,
    filter: {
      readonly service?: readonly string[] | undefined;
      readonly environment?: readonly string[] | undefined;
    },
    scope: TenantScope,
  ): Promise<DeployView[]>;
  /**
   * Returns a deploy with all compared statistics.
   *
   * @throws PS_NOT_FOUND if there is no such deploy
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  getDeploy(
    id: string,
    scope: TenantScope,
  ): Promise<{ deploy: DeployView; changes: readonly FindingView[] }>;
  /**
   * Records a deploy. A second report of the same deploy returns the same deploy.
   *
   * @throws PS_REQUEST_INVALID if the time is in the future
   */
  recordDeploy(report: Omit<DeployReport, 'source'>): Promise<DeployView>;
}

/** A deploy in the future is a mistake, except for a clock that is a little ahead. */
const MAX_AHEAD_MS = 5 * MINUTE_MS;

export function createDeployMethods(
  evaluator: AlertEvaluator,
  queryClient: QueryClient,
): DeployService {
  const { deploys, now } = evaluator;

  /** Returns the keys of the services and versions whose measurements the caller can see. */
  async function findVisible({ fromMs, toMs }: TimeRange, scope: TenantScope) {
    if (isUnlimited(scope)) return undefined;
    const range = { fromMs: fromMs - DAY_MS, toMs: Math.max(toMs, fromMs + 1) };
    const runs = await queryVersionRuns(queryClient, { scope, range });
    return new Set(runs.map(toVersionKey));
  }

  return {
    async listDeploys(range, { service, environment }, scope) {
      const [all, visible] = await Promise.all([
        deploys.list(range.fromMs, range.toMs),
        findVisible({ fromMs: range.fromMs, toMs: range.toMs + DAY_MS }, scope),
      ]);
      return all
        .filter((deploy) => !visible || visible.has(toVersionKey(deploy)))
        .filter((deploy) => service?.includes(deploy.service) ?? true)
        .filter((deploy) => environment?.includes(deploy.environment ?? '') ?? true)
        .map((deploy) => toDeployView(deploy, scope, now()));
    },

    async getDeploy(id, scope) {
      const found = await deploys.find(id);
      const startsMs = found?.deploy.startsMs ?? 0;
      const visible =
        found && (await findVisible({ fromMs: startsMs, toMs: startsMs + DAY_MS }, scope));
      if (!found || (visible && !visible.has(toVersionKey(found.deploy)))) {
        throw createError('PS_NOT_FOUND', { item: 'deploy', id });
      }
      const changes = found.changes
        .filter((finding) => isFindingVisible(finding, scope))
        .map((finding) => toFindingView(finding, found.deploy.version));
      return { deploy: toDeployView(found.deploy, scope, now()), changes };
    },

    async recordDeploy(report) {
      if (report.startsMs > now() + MAX_AHEAD_MS) {
        throw createError('PS_REQUEST_INVALID', { reason: '`at` is in the future' });
      }
      await deploys.refresh(now()).catch(() => {});
      const deploy = deploys.report({ ...report, source: 'recorded' }, now());
      await deploys.flush();
      return toDeployView(deploy, UNRESTRICTED_SCOPE, now());
    },
  };
}

function toVersionKey({
  service,
  environment,
  version,
}: Pick<Deploy, 'service' | 'environment' | 'version'>): string {
  return JSON.stringify([service, environment ?? '', version]);
}

function isUnlimited({ organizations, properties }: TenantScope): boolean {
  return organizations === 'all' && properties === 'all';
}

/** Findings about all tenants are visible only to callers that can see all tenants. */
function isFindingVisible({ organization }: Finding, scope: TenantScope): boolean {
  if (isUnlimited(scope)) return true;
  const { organizations, properties } = scope;
  if (properties !== 'all' || organization === undefined) return false;
  return organizations === 'all' || organizations.includes(organization);
}

function toFindingView(finding: Finding, version: string): FindingView {
  return { ...finding, text: formatFinding(version, finding) };
}

function toDeployView(deploy: Deploy, scope: TenantScope, now: number): DeployView {
  const { id, service, environment, version, previousVersion, sources, startsMs } = deploy;
  const isAdministrator = isUnlimited(scope);
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

function getStatus(
  { findings, endedMs, look, startsMs, comparedSeries }: Deploy,
  now: number,
): DeployStatus {
  if (findings.some(({ verdict }) => verdict === 'regression')) {
    return endedMs === undefined ? 'regression' : 'ended';
  }
  if (look < DEPLOY_LOOKS.length && endedMs === undefined && now - startsMs < 2 * 60 * MINUTE_MS)
    return 'running';
  return comparedSeries === 0 ? 'no data' : 'ok';
}
