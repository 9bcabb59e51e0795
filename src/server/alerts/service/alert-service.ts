import type { AlertLookup, Suppression } from '../../../core/alerts/alert.ts';
import { DAY_MS } from '../../../core/duration.ts';
import { createError } from '../../../core/perfscope-error.ts';
import { getSeverityRank } from '../../../core/schema/enums.ts';
import type { AlertState } from '../../../core/schema/tables/alerts-table.ts';
import {
  isVisibleInScope,
  type TenantScope,
  UNRESTRICTED_SCOPE,
} from '../../../core/tenant-scope.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { matchesNames, sql } from '../../../storage/sql/sql-builder.ts';
import type { AlertEvaluator } from '../alert-evaluator.ts';
import { createDeployMethods } from '../deploys/deploy-service.ts';
import { type Transition, toAlert, toNotifiedAlert } from '../evaluation/alert-transition.ts';
import { parseTransition } from '../evaluation/rebuild-alert-states.ts';
import { loadAlertRows, loadTransitions } from '../state/alert-queries.ts';
import type { Silence } from '../suppression/silence.ts';
import { parseSilence } from '../suppression/silence-rows.ts';
import { createRuleMethods } from './alert-rules-service.ts';
import { queryAlertSeries } from './alert-series.ts';
import {
  type AlertFilter,
  type AlertService,
  type AlertView,
  type SilenceTenant,
  toAlertView,
  toSilenceView,
  toTransitionView,
} from './alert-views.ts';
import { createForecastMethods } from './forecast-service.ts';
import { createObjectiveMethods } from './objective-service.ts';

/**
 * Creates the service behind the alert, rule, silence, objective, deploy, and forecast endpoints.
 *
 * @param publicUrl address of the server for links to runbooks. Without it, the links are relative.
 */
export function createAlertService(
  evaluator: AlertEvaluator,
  queryClient: QueryClient,
  publicUrl?: string,
): AlertService {
  return {
    ...createAlertMethods(evaluator, queryClient, publicUrl),
    ...createRuleMethods(evaluator, queryClient, publicUrl),
    ...createSilenceMethods(evaluator),
    ...createObjectiveMethods(evaluator, queryClient),
    ...createDeployMethods(evaluator, queryClient),
    ...createForecastMethods(evaluator),
  };
}

/** Sort order of alerts. States that need attention come first. */
const STATE_ORDER: readonly AlertState[] = ['firing', 'acknowledged', 'pending', 'resolved'];

/** Shown instead of an alert or a silence that the caller can't see. */
const HIDDEN_INHIBITION = { by: 'another alert', detail: 'another alert is firing' } as const;
const HIDDEN_SILENCE = { by: 'administrator', detail: 'set by an administrator' } as const;

type AlertMethods = Pick<
  AlertService,
  'listAlerts' | 'getHistory' | 'getSeries' | 'listFired' | 'acknowledge' | 'subscribe'
>;

function createAlertMethods(
  evaluator: AlertEvaluator,
  queryClient: QueryClient,
  publicUrl: string | undefined,
): AlertMethods {
  const { alertStates, gate, incidents, recorder, now } = evaluator;

  const toView = (transition: Transition, scope: TenantScope, value?: number): AlertView =>
    toAlertView(
      toAlert(transition, evaluator.findRule(transition.rule), value),
      gate.getSuppressions(transition.id).map((found) => limitToScope(found, scope)),
      scope,
      publicUrl,
      incidents.store.findByAlert(transition.id)?.id,
    );

  /** Removes the author, the comment, and the ID of an object that is outside the scope. */
  function limitToScope(suppression: Suppression, scope: TenantScope): Suppression {
    const { reason, by } = suppression;
    if (scope.organizations === 'all') return suppression;
    if (reason === 'inhibited') {
      const source = alertStates.find(by);
      const isVisible = source !== undefined && isVisibleInScope(source.transition, scope);
      return isVisible ? suppression : { ...suppression, ...HIDDEN_INHIBITION };
    }
    if (reason !== 'silenced' && reason !== 'maintenance') return suppression;
    const isVisible = listVisibleSilences(evaluator, scope).some(({ id }) => id === by);
    return isVisible ? suppression : { ...suppression, ...HIDDEN_SILENCE };
  }

  /** Returns all transitions of an alert, newest first. @throws PS_NOT_FOUND */
  async function loadHistory(id: string, scope: TenantScope) {
    const stored = await loadTransitions(queryClient, scope, sql`id = ${id}`);
    const live = alertStates.find(id)?.transition;
    const last = live && isVisibleInScope(live, scope) ? live : stored[0];
    if (!last) throw createError('PS_NOT_FOUND', { item: 'alert', id });
    // A row that was just written might not be readable yet.
    const isStored = stored.some(({ seq }) => seq === last.seq);
    return { last, transitions: isStored ? stored : [last, ...stored] };
  }

  return {
    async listAlerts(filter, scope) {
      const live = [...alertStates.listLive()]
        .filter(({ transition }) => isVisibleInScope(transition, scope))
        .map(({ transition, value }) => toView(transition, scope, value));
      const since = new Date(now() - DAY_MS);
      const isResolved = sql`timestamp > ${since} AND state = 'resolved' AND fired_at IS NOT NULL`;
      const resolved = filter.state?.includes('resolved')
        ? await loadTransitions(queryClient, scope, isResolved)
        : [];
      return [...live, ...resolved.map((transition) => toView(transition, scope))]
        .filter((alert) => matchesFilter(alert, filter))
        .sort(
          (a, b) =>
            STATE_ORDER.indexOf(a.state) - STATE_ORDER.indexOf(b.state) ||
            getSeverityRank(b.severity) - getSeverityRank(a.severity) ||
            b.changedAt.getTime() - a.changedAt.getTime(),
        );
    },

    async getHistory(id, scope) {
      const { last, transitions } = await loadHistory(id, scope);
      return {
        alert: toView(last, scope, alertStates.find(id)?.value),
        transitions: transitions.map(toTransitionView),
      };
    },

    async getSeries(id, request, scope) {
      const { last, transitions } = await loadHistory(id, scope);
      const rule = evaluator.findRule(last.rule);
      const caller = { scope, now: now() };
      const series = await queryAlertSeries(queryClient, rule, transitions, request, caller);
      return { ...series, transitions: transitions.map(toTransitionView) };
    },

    async listFired({ fromMs, toMs }, { service }, scope) {
      const fired = sql`fired_at >= ${new Date(fromMs)} AND fired_at < ${new Date(toMs)}`;
      const since = sql`timestamp >= ${new Date(fromMs)}`;
      const ofService = service ? matchesNames('service', service) : sql`1 = 1`;
      const conditions = sql`${since} AND ${fired} AND ${ofService}`;
      const transitions = await loadTransitions(queryClient, scope, conditions);
      return [...Map.groupBy(transitions, ({ id }) => id).values()].map((ofAlert) => {
        const [last, first] = [ofAlert[0]!, ofAlert.at(-1)!];
        return {
          id: last.id,
          rule: last.rule,
          severity: last.severity,
          service: last.service,
          summary: toView(first, scope).annotations.summary,
          firedAt: new Date(last.firedAt ?? last.timestamp),
          until: last.state === 'resolved' ? new Date(last.timestamp) : undefined,
        };
      });
    },

    acknowledge(id, comment, { author, scope }) {
      const found = alertStates.find(id);
      const isVisible = found && isVisibleInScope(found.transition, scope);
      const next = isVisible ? alertStates.acknowledge(id, { author, comment }, now()) : undefined;
      if (!next) {
        throw createError('PS_NOT_FOUND', { item: isVisible ? 'firingAlert' : 'alert', id });
      }
      return toView(next, scope, found?.value);
    },

    subscribe(scope, position, listener) {
      return recorder.subscribe(position, (transition, position) => {
        if (isVisibleInScope(transition, scope))
          listener({ position, alert: toView(transition, scope) });
      });
    },
  };
}

function matchesFilter({ state, severity, rule, labels }: AlertView, filter: AlertFilter): boolean {
  const matches = (names: readonly string[] | undefined, name: string | undefined) =>
    names === undefined || (name !== undefined && names.includes(name));
  return (
    matches(filter.state, state) &&
    matches(filter.severity, severity) &&
    matches(filter.rule, rule) &&
    matches(filter.service, labels.service)
  );
}

type SilenceMethods = Pick<AlertService, 'listSilences' | 'createSilence' | 'endSilence'>;

/** Lists the silences and maintenance windows of the scope's tenants. */
function listVisibleSilences(
  { rulesFile, silences, now }: AlertEvaluator,
  scope: TenantScope,
): Silence[] {
  const maintenance = rulesFile.ruleSet.maintenance.filter(({ organization, property }) =>
    isVisibleInScope({ organizationId: organization, propertyId: property }, scope),
  );
  return [...silences.listVisible(scope, now()), ...maintenance];
}

/** Creates the methods for silences and for the maintenance windows of the rules file. */
function createSilenceMethods(evaluator: AlertEvaluator): SilenceMethods {
  const { silences, now } = evaluator;
  return {
    listSilences: (scope) => listVisibleSilences(evaluator, scope).map(toSilenceView),

    async createSilence(entry, tenant, { author, scope }) {
      const by = { author, ...resolveTenant(tenant, scope) };
      return toSilenceView(await silences.create(parseSilence(entry), by, now()));
    },

    async endSilence(id, { author, scope }) {
      return toSilenceView(await silences.end(id, author, scope, now()));
    },
  };
}

/**
 * Returns the tenant of a new silence. Callers limited to one organization or property can omit the
 * tenant. They can't choose another organization or property.
 */
function resolveTenant({ organizationId, propertyId }: SilenceTenant, scope: TenantScope) {
  return {
    organization: resolveTenantField('organizationId', organizationId, scope.organizations),
    property: resolveTenantField('propertyId', propertyId, scope.properties),
  };
}

function resolveTenantField(
  field: string,
  name: string | undefined,
  allowed: TenantScope['organizations'],
): string | undefined {
  if (allowed === 'all') return name;
  const chosen = name ?? (allowed.length === 1 ? allowed[0] : undefined);
  if (chosen !== undefined && allowed.includes(chosen)) return chosen;
  const reason = `${field} must be one of ${allowed.join(', ') || 'none'}`;
  throw createError('PS_REQUEST_INVALID', { reason });
}

/** Creates the alert queries for the notifier. */
export function createAlertLookup(
  evaluator: AlertEvaluator,
  queryClient: QueryClient,
): AlertLookup {
  const toMessageAlert = (transition: Transition, newest: number | undefined, worst?: number) =>
    toNotifiedAlert(transition, evaluator.findRule(transition.rule), newest, worst);
  return {
    get isRestored() {
      return evaluator.isRestored;
    },
    find(id) {
      const live = evaluator.alertStates.find(id);
      return live && toMessageAlert(live.transition, live.value);
    },
    getSuppressions: (id) => evaluator.gate.getSuppressions(id),
    findIncident: (id) => evaluator.incidents.store.findByAlert(id),
    async findStored(id) {
      const [row] = await loadAlertRows(queryClient, UNRESTRICTED_SCOPE, sql`id = ${id}`, 1);
      const transition = row && parseTransition(row);
      if (!transition) return undefined;
      if (transition.state === 'resolved' || evaluator.alertStates.find(id))
        return toMessageAlert(transition, transition.value);
      // The row about the end is missing, or not readable yet. The stored value is from before the end.
      const timestamp = evaluator.now();
      const ended = { ...transition, timestamp, state: 'resolved', value: undefined } as const;
      return toMessageAlert(ended, undefined);
    },
  };
}
