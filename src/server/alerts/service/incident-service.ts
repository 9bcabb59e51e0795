import { createError } from '../../../core/perfscope-error.ts';
import { getSeverityRank } from '../../../core/schema/enums.ts';
import { isEmptyScope, type TenantScope } from '../../../core/tenant-scope.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { sql } from '../../../storage/sql/sql-builder.ts';
import type { AlertEvaluator } from '../alert-evaluator.ts';
import type { Cause } from '../incidents/causes/cause.ts';
import { findAffectedTenants, findCauses } from '../incidents/causes/find-causes.ts';
import { type Incident, isResolvedMember } from '../incidents/incident.ts';
import { toEventFilter, toSignalFilter } from '../incidents/incident-analyzer.ts';
import { loadLastIncidentRows } from '../incidents/incident-queries.ts';
import { parseIncidentRow } from '../incidents/incident-rows.ts';
import { loadTimeline } from './incident-timeline.ts';
import {
  type IncidentFilter,
  type IncidentService,
  type IncidentView,
  isUnlimited,
  listVisibleMembers,
  toIncidentView,
} from './incident-views.ts';

/** Number of results for limited callers to keep. */
const MAX_CACHED_FINDINGS = 100;

type Findings = Pick<Incident, 'causes' | 'tenants'>;

export interface IncidentServiceOptions {
  readonly evaluator: AlertEvaluator;
  readonly queryClient: QueryClient;
  /** Interval at which processes report their health, in ms. */
  readonly healthIntervalMs: number;
  /** Address of the server for links. Without it, the links are relative. */
  readonly publicUrl?: string | undefined;
}

/** Creates the service behind the incident endpoints. */
export function createIncidentService({
  evaluator,
  queryClient,
  healthIntervalMs,
  publicUrl,
}: IncidentServiceOptions): IncidentService {
  const { incidents, alertStates, deploys, now } = evaluator;
  const { store } = incidents;
  const cache = new Map<string, Promise<Findings>>();

  /** Returns the newest version of an incident. Rows that were just written might not be readable yet. */
  async function load(id: string): Promise<Incident | undefined> {
    const known = store.find(id);
    if (known) return known;
    const [row] = await loadLastIncidentRows(queryClient, sql`id = ${id}`);
    return row && parseIncidentRow(row);
  }

  /**
   * Analyzes an incident with the rows of the caller's tenants. The stored causes are based on the rows of all
   * tenants, so limited callers can't see them.
   */
  function analyze(incident: Incident, scope: TenantScope): Promise<Findings> {
    const key = JSON.stringify([incident.id, incident.seq, scope.organizations, scope.properties]);
    const cached = cache.get(key);
    if (cached) return cached;
    const members = listVisibleMembers(incident, scope);
    const startedMs = members[0]!.startedMs;
    const filter = { ...toSignalFilter({ members }, store.relations), hosts: [] };
    const toMs = incident.resolvedMs ?? now();
    const request = {
      ...{ ...filter, ...toEventFilter({ members }), deploys },
      ...{ scope, startedMs, now: toMs, healthIntervalMs },
    };
    const findings = Promise.all([
      findCauses(queryClient, request),
      findAffectedTenants(queryClient, scope, filter.services, { fromMs: startedMs, toMs }),
    ]).then(([causes, tenants]) => ({ causes, tenants }));
    cache.set(key, findings);
    findings.catch(() => cache.delete(key));
    for (const oldest of cache.keys()) {
      if (cache.size <= MAX_CACHED_FINDINGS) break;
      cache.delete(oldest);
    }
    return findings;
  }

  async function toDetailedView(
    incident: Incident,
    scope: TenantScope,
  ): Promise<{ view: IncidentView; causes: readonly Cause[] } | undefined> {
    if (listVisibleMembers(incident, scope).length === 0) return undefined;
    const { causes, tenants } = isUnlimited(scope) ? incident : await analyze(incident, scope);
    const view = toIncidentView({ ...incident, tenants }, scope, publicUrl, causes);
    return view && { view, causes };
  }

  return {
    async list(filter, { fromMs, toMs }, scope) {
      if (isEmptyScope(scope)) return [];
      const wasOpen = sql`started_at < ${new Date(toMs)} AND (state = 'open' OR timestamp >= ${new Date(fromMs)})`;
      const rows = await loadLastIncidentRows(queryClient, wasOpen);
      const byId = new Map<string, Incident>();
      for (const incident of rows.map(parseIncidentRow))
        if (incident) byId.set(incident.id, incident);
      for (const incident of store.all) {
        const isInRange =
          incident.startedMs < toMs && (incident.state === 'open' || incident.changedMs >= fromMs);
        if (isInRange) byId.set(incident.id, incident);
      }
      return [...byId.values()]
        .flatMap((incident) => toIncidentView(incident, scope, publicUrl) ?? [])
        .filter((incident) => matchesFilter(incident, filter))
        .sort(
          (a, b) =>
            Number(a.state !== 'open') - Number(b.state !== 'open') ||
            b.startedAt.getTime() - a.startedAt.getTime() ||
            getSeverityRank(b.severity) - getSeverityRank(a.severity),
        );
    },

    async get(id, scope) {
      const incident = await load(id);
      const found = incident && (await toDetailedView(incident, scope));
      if (!found) throw createError('PS_NOT_FOUND', { item: 'incident', id });
      const { view, causes } = found;
      const timeline = await loadTimeline(queryClient, view, causes, {
        ...{ scope, deploys, healthIntervalMs },
        now: now(),
      });
      return { incident: view, timeline };
    },

    acknowledge(id, comment, { author, scope }) {
      const incident = store.find(id);
      const members = incident ? listVisibleMembers(incident, scope) : [];
      if (!incident || members.length === 0) {
        throw createError('PS_NOT_FOUND', { item: 'incident', id });
      }
      const at = now();
      const acknowledged = members.filter(
        ({ state, id: alertId }) =>
          state === 'firing' && alertStates.acknowledge(alertId, { author, comment }, at),
      );
      if (members.every(isResolvedMember))
        throw createError('PS_NOT_FOUND', { item: 'openIncident', id });
      // Acknowledging twice has no further effect.
      if (acknowledged.length > 0)
        store.acknowledge(
          id,
          new Set(acknowledged.map((each) => each.id)),
          // Callers of other tenants must not see the author.
          isUnlimited(scope) ? { author, comment } : undefined,
          at,
        );
      return toIncidentView(store.find(id) ?? incident, scope, publicUrl)!;
    },

    subscribe(scope, position, listener) {
      return store.subscribe(position, (incident, at) => {
        const view = toIncidentView(incident, scope, publicUrl);
        if (view) listener({ position: at, incident: view });
      });
    },
  };
}

function matchesFilter(
  { state, severity, services }: IncidentView,
  filter: IncidentFilter,
): boolean {
  return (
    (filter.state === undefined || filter.state.includes(state)) &&
    (filter.severity === undefined || filter.severity.includes(severity)) &&
    (filter.service === undefined || filter.service.some((name) => services.includes(name)))
  );
}
