import { DAY_MS, MINUTE_MS } from '../../core/duration.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { queryVersionRuns, type VersionRun } from '../../storage/queries/version-runs.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';

/** A new version of a service. */
export interface RecentDeploy {
  readonly service: string;
  readonly version: string;
  readonly atMs: number;
}

/** A deploy of the last hours can be the cause of an anomaly. */
const RECENT_MS = 6 * 60 * MINUTE_MS;
/** Versions that ran before aren't new. */
const LOOKBACK_MS = 2 * DAY_MS;
const CACHE_MS = 5 * MINUTE_MS;

/** Finds the services whose version changed in the last hours. Reads at most every five minutes, and only if asked. */
export class RecentDeploys {
  readonly #queryClient: QueryClient;
  #readMs = Number.NEGATIVE_INFINITY;
  #deploys: Promise<readonly RecentDeploy[]> = Promise.resolve([]);

  constructor(queryClient: QueryClient) {
    this.#queryClient = queryClient;
  }

  /**
   * Returns the newest deploy of a service in the last six hours.
   *
   * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
   */
  async find(service: string, now: number): Promise<RecentDeploy | undefined> {
    if (Math.abs(now - this.#readMs) > CACHE_MS) {
      this.#readMs = now;
      this.#deploys = queryRecentDeploys(this.#queryClient, UNRESTRICTED_SCOPE, now);
      this.#deploys.catch(() => {
        this.#readMs = Number.NEGATIVE_INFINITY;
      });
    }
    const deploys = await this.#deploys;
    return deploys.findLast((deploy) => deploy.service === service);
  }
}

async function queryRecentDeploys(
  queryClient: QueryClient,
  scope: TenantScope,
  now: number,
): Promise<readonly RecentDeploy[]> {
  const range = { fromMs: now - LOOKBACK_MS, toMs: now };
  return findRecentDeploys(await queryVersionRuns(queryClient, { scope, range }), now);
}

/** Returns versions that started in the last hours, after another version of the service, oldest first. */
export function findRecentDeploys(runs: readonly VersionRun[], now: number): RecentDeploy[] {
  return runs
    .filter(
      ({ service, environment, version, firstMs }) =>
        now - firstMs <= RECENT_MS &&
        runs.some(
          (other) =>
            other.service === service &&
            other.environment === environment &&
            other.version !== version &&
            other.firstMs < firstMs,
        ),
    )
    .map(({ service, version, firstMs }) => ({ service, version, atMs: firstMs }))
    .sort((a, b) => a.atMs - b.atMs);
}
