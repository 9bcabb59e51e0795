import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import { createError } from '../../../core/perfscope-error.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { COUNT, METRICS_TABLE } from '../../../storage/queries/aggregation-tables.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import { runQuery } from '../../../storage/queries/run-query.ts';
import { getLastRange, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { AlertEvaluator } from '../alert-evaluator.ts';
import type { DeployReport } from './deploy-store.ts';
import {
  createDeployFilter,
  type DeployView,
  type FindingView,
  isFindingVisible,
  listDeployViews,
  toDeployView,
  toFindingView,
} from './deploy-views.ts';

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
   * Records a deploy. A second report of the same deploy returns the same deploy. Without an environment, the deploy
   * belongs to the only environment of the service in the last day.
   *
   * @throws PS_REQUEST_INVALID if the time is in the future
   */
  recordDeploy(report: Omit<DeployReport, 'source'>): Promise<DeployView>;
}

/** A deploy in the future is a mistake, except for a clock that is a little ahead. */
const MAX_AHEAD_MS = 5 * MINUTE_MS;

/** Returns the environment of a service's measurements of the last day, if all of them have the same. */
async function findOnlyEnvironment(
  queryClient: QueryClient,
  service: string,
  now: number,
): Promise<string | undefined> {
  const query: Query = {
    scope: UNRESTRICTED_SCOPE,
    range: getLastRange(DAY_MS, now),
    filter: { service: [service] },
    groupBy: ['environment'],
  };
  const results = await runQuery(queryClient, METRICS_TABLE, query, {
    aggregations: { count: COUNT },
  });
  return results.length === 1 ? results[0]?.group.environment : undefined;
}

export function createDeployMethods(
  evaluator: AlertEvaluator,
  queryClient: QueryClient,
): DeployService {
  const { deploys, now } = evaluator;

  return {
    async listDeploys(range, { service, environment }, scope) {
      const request = { range, services: service, scope, now: now() };
      const views = await listDeployViews(queryClient, deploys, request);
      return views.filter((deploy) => environment?.includes(deploy.environment ?? '') ?? true);
    },

    async getDeploy(id, scope) {
      const found = await deploys.find(id);
      const startsMs = found?.deploy.startsMs ?? 0;
      const range = { fromMs: startsMs, toMs: startsMs + DAY_MS };
      const isVisible = found && (await createDeployFilter(queryClient, range, scope));
      if (!found || !isVisible?.(found.deploy)) {
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
      // The deploy is also recorded if QuestDB is unreachable.
      const findEnvironment = () =>
        findOnlyEnvironment(queryClient, report.service, now()).catch(() => undefined);
      const environment = report.environment ?? (await findEnvironment());
      const deploy = deploys.report({ ...report, environment, source: 'recorded' }, now());
      await deploys.flush();
      return toDeployView(deploy, UNRESTRICTED_SCOPE, now());
    },
  };
}
