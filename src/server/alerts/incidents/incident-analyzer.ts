import { toTenantKey } from '../../../core/alerts/incident-summary.ts';
import { withQueryTimeout, withTimeout } from '../../../core/concurrency.ts';
import { MINUTE_MS } from '../../../core/duration.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { DeployStore } from '../deploys/deploy-store.ts';
import type { ServiceRelations } from './alert-subjects.ts';
import type { Cause } from './causes/cause.ts';
import type { EventRequest } from './causes/event-causes.ts';
import { findAffectedTenants, findCauses, findTenantServices } from './causes/find-causes.ts';
import type { SignalFilter } from './causes/read-signals.ts';
import type { Incident, IncidentFindings } from './incident.ts';
import { listLabelValues } from './incident-rows.ts';
import type { IncidentStore } from './incident-store.ts';

export interface IncidentAnalyzerOptions {
  readonly queryClient: QueryClient;
  readonly incidents: IncidentStore;
  readonly deploys: Pick<DeployStore, 'list'>;
  readonly healthIntervalMs: number;
}

/** Rows arrive late, so the causes of an incident are refreshed until it is this old. */
const YOUNG_MS = 10 * MINUTE_MS;
const REFRESH_MS = MINUTE_MS;
/** Interval of the affected tenants' counts after that. */
const COUNT_REFRESH_MS = 5 * MINUTE_MS;
const ANALYSIS_TIMEOUT_MS = 30_000;
/** Time for which the first message about an incident waits for the cause. */
const MAX_WAIT_MS = 5000;
/** With more tenants, messages to a single tenant contain only the causes in its alerts. */
const MAX_TENANTS = 4;

interface Analysis {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly memberCount: number;
  readonly isEnded: boolean;
}

/** Finds the causes and the affected tenants of incidents, one incident at a time. No method rejects. */
export class IncidentAnalyzer {
  readonly #options: IncidentAnalyzerOptions;
  readonly #done = new Map<string, Analysis>();
  #running: Promise<void> = Promise.resolve();
  #pending = 0;

  constructor(options: IncidentAnalyzerOptions) {
    this.#options = options;
  }

  /**
   * Starts to analyze the incidents that are due.
   *
   * @returns a promise that resolves when new incidents have been analyzed, or after a few seconds
   */
  async analyze(now: number): Promise<void> {
    const { incidents } = this.#options;
    const due = incidents.all.filter((incident) => this.#isDue(incident, now));
    const hasNew = due.some(({ id }) => !this.#done.has(id));
    for (const incident of due) {
      const first = this.#done.get(incident.id)?.firstMs ?? now;
      this.#done.set(incident.id, {
        firstMs: first,
        lastMs: now,
        memberCount: incident.members.length,
        isEnded: incident.state !== 'open',
      });
      this.#enqueue(incident.id, now);
    }
    const known = new Set(incidents.all.map(({ id }) => id));
    for (const id of this.#done.keys()) if (!known.has(id)) this.#done.delete(id);
    if (hasNew) await withTimeout(MAX_WAIT_MS, this.whenIdle(), () => {});
  }

  /** Resolves when no incident is being analyzed. */
  async whenIdle(): Promise<void> {
    while (this.#pending > 0) await this.#running;
  }

  #isDue({ id, state, members }: Incident, now: number): boolean {
    const last = this.#done.get(id);
    if (state === 'merged') return false;
    if (last === undefined) return state === 'open';
    if (state === 'resolved') return !last.isEnded;
    if (members.length > last.memberCount) return true;
    const isYoung = now - last.firstMs <= YOUNG_MS;
    return now - last.lastMs >= (isYoung ? REFRESH_MS : COUNT_REFRESH_MS);
  }

  /** Alerts about a tenant have no service. Then the services that handle the tenant's requests are analyzed. */
  async #toFilter(incident: Incident, relations: ServiceRelations, now: number) {
    const filter = toSignalFilter(incident, relations);
    const { services, hosts, queues } = filter;
    const organizations = listLabelValues(incident.members, 'organization');
    if (services.length + hosts.length + queues.length > 0 || organizations.length === 0)
      return filter;
    const range = { fromMs: incident.startedMs - REFRESH_MS, toMs: now };
    return {
      ...filter,
      services: await findTenantServices(this.#options.queryClient, organizations, range),
    };
  }

  #enqueue(id: string, now: number): void {
    this.#pending += 1;
    this.#running = this.#running
      .then(() => withQueryTimeout(ANALYSIS_TIMEOUT_MS, this.#run(id, now)))
      .catch(() => {
        // QuestDB is unreachable or slow. The next analysis is due in a minute.
      })
      .finally(() => {
        this.#pending -= 1;
      });
  }

  async #run(id: string, now: number): Promise<void> {
    const { queryClient, incidents, deploys, healthIntervalMs } = this.#options;
    const incident = incidents.find(id);
    if (!incident) return;
    const { relations } = incidents;
    const filter = await this.#toFilter(incident, relations, now);
    const isYoung = now - (this.#done.get(id)?.firstMs ?? now) <= YOUNG_MS;
    const request = {
      ...{ ...filter, ...toEventFilter(incident), deploys },
      ...{ startedMs: incident.startedMs, now, healthIntervalMs },
    };
    const { services } = filter;
    const range = { fromMs: incident.startedMs, toMs: incident.resolvedMs ?? now };
    const tenants = await findAffectedTenants(queryClient, UNRESTRICTED_SCOPE, services, range);
    if (!isYoung) {
      incidents.addFindings(id, { ...toFindings(incident), tenants }, now);
      return;
    }
    const found = await findCauses(queryClient, { ...request, scope: UNRESTRICTED_SCOPE });
    // After the problem has ended, the means can be usual again.
    const causes = found.length > 0 ? found : incident.causes;
    // The first message can be sent before the causes of each tenant are known.
    incidents.addFindings(id, { ...toFindings(incident), causes, tenants }, now);
    const causesByTenant: Record<string, readonly Cause[]> = {};
    for (const [organization, property] of listTenants(incident)) {
      const scope = createOrganizationScope(
        organization,
        property === undefined ? property : [property],
      );
      causesByTenant[toTenantKey(organization, property)] = await findCauses(queryClient, {
        ...{ ...request, hosts: [] },
        scope,
      });
    }
    incidents.addFindings(id, { causes, causesByTenant, tenants }, now);
  }
}

function toFindings({ causes, causesByTenant, tenants }: Incident): IncidentFindings {
  return { causes, causesByTenant, tenants };
}

/** Returns the incident's services, hosts, and queues, with the services that use the hosts and queues. */
export function toSignalFilter(
  { members }: Pick<Incident, 'members'>,
  { hosts: hostsByService, queues: queuesByService }: ServiceRelations,
): SignalFilter {
  const hosts = listLabelValues(members, 'host');
  const queues = listLabelValues(members, 'queue');
  const users = (names: readonly string[], byService: ReadonlyMap<string, readonly string[]>) =>
    [...byService].flatMap(([service, used]) =>
      used.some((name) => names.includes(name)) ? [service] : [],
    );
  const own = listLabelValues(
    members.filter(({ labels }) => labels.scope !== 'perfscope'),
    'service',
  );
  const services = [...own, ...users(hosts, hostsByService), ...users(queues, queuesByService)];
  return { hosts, queues, services: [...new Set(services)].filter((name) => name !== 'perfscope') };
}

/** Returns the environments and the versions that the incident's alerts are about. */
export function toEventFilter({
  members,
}: Pick<Incident, 'members'>): Pick<EventRequest, 'environments' | 'versions'> {
  const versions = members.flatMap(({ labels: { service, version } }) =>
    service === undefined || version === undefined ? [] : { service, version },
  );
  return { environments: listLabelValues(members, 'environment'), versions };
}

/** Lists the tenants of the alerts: each property, and each organization. Empty if there are too many. */
function listTenants({ members }: Incident): (readonly [string, string | undefined])[] {
  const tenants = new Map<string, readonly [string, string | undefined]>();
  for (const { organization, property } of members.map(({ labels }) => labels)) {
    if (organization === undefined) continue;
    tenants.set(toTenantKey(organization), [organization, undefined]);
    tenants.set(toTenantKey(organization, property), [organization, property]);
  }
  return tenants.size <= MAX_TENANTS ? [...tenants.values()] : [];
}
