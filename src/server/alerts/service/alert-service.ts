import type { AlertLookup } from '../../../core/alerts/alert.ts';
import { DAY_MS } from '../../../core/duration.ts';
import { createError } from '../../../core/errors.ts';
import { getSeverityRank } from '../../../core/schema/enums.ts';
import type { AlertState } from '../../../core/schema/tables/alerts-table.ts';
import {
  isVisibleInScope,
  type TenantScope,
  UNRESTRICTED_SCOPE,
} from '../../../core/tenant-scope.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { sql } from '../../../storage/sql/sql-builder.ts';
import type { AlertEvaluator } from '../alert-evaluator.ts';
import { type Transition, toAlert } from '../evaluation/alert-transition.ts';
import { parseTransition } from '../evaluation/rebuild-alert-states.ts';
import { loadAlertRows, loadTransitions } from '../state/alert-queries.ts';
import { parseSilence } from '../suppression/silence-store.ts';
import { createRuleMethods } from './alert-rules-service.ts';
import {
  type AlertFilter,
  type AlertService,
  type AlertView,
  type SilenceTenant,
  toAlertView,
  toSilenceView,
} from './alert-views.ts';

/** Reads and acts on what an evaluator knows. */
export function createAlertService(evaluator: AlertEvaluator, store: QueryClient): AlertService {
  return {
    ...createAlertMethods(evaluator, store),
    ...createRuleMethods(evaluator, store),
    ...createSilenceMethods(evaluator),
  };
}

/** What wants somebody comes first. */
const STATE_ORDER: readonly AlertState[] = ['firing', 'acknowledged', 'pending', 'resolved'];

type AlertMethods = Pick<AlertService, 'listAlerts' | 'getHistory' | 'acknowledge' | 'subscribe'>;

/** Alerts that go on, and what they have done. */
function createAlertMethods(evaluator: AlertEvaluator, store: QueryClient): AlertMethods {
  const { alertStates: book, gate: quiet, recorder: journal, now } = evaluator;

  const viewOf = (transition: Transition, value?: number): AlertView =>
    toAlertView(
      toAlert(transition, evaluator.findRule(transition.rule), value),
      quiet.getSuppressions(transition.id),
    );

  return {
    async listAlerts(filter, scope) {
      const going = [...book.listLive()]
        .filter(({ transition }) => isVisibleInScope(transition, scope))
        .map(({ transition, value }) => viewOf(transition, value));
      const since = new Date(now() - DAY_MS);
      const resolved = sql`timestamp > ${since} AND state = 'resolved' AND fired_at IS NOT NULL`;
      const ended = filter.state?.includes('resolved')
        ? await loadTransitions(store, scope, resolved)
        : [];
      return [...going, ...ended.map((transition) => viewOf(transition))]
        .filter((alert) => matchesFilter(alert, filter))
        .sort(
          (a, b) =>
            STATE_ORDER.indexOf(a.state) - STATE_ORDER.indexOf(b.state) ||
            getSeverityRank(b.severity) - getSeverityRank(a.severity) ||
            b.changedAt.getTime() - a.changedAt.getTime(),
        );
    },

    async getHistory(id, scope) {
      const transitions = await loadTransitions(store, scope, sql`id = ${id}`);
      const live = book.find(id);
      const last =
        live && isVisibleInScope(live.transition, scope) ? live.transition : transitions[0];
      if (!last) throw createError('PS_NOT_FOUND', { path: `alerts/${id}` });
      // What was just written may not be readable yet.
      const all = transitions.some(({ seq }) => seq === last.seq)
        ? transitions
        : [last, ...transitions];
      return {
        alert: viewOf(last, live?.value),
        transitions: all.map(({ timestamp, seq, state, severity, value, threshold, ...rest }) => ({
          at: new Date(timestamp),
          seq,
          state,
          severity,
          value,
          threshold,
          cause: rest.cause,
          author: rest.author,
          comment: rest.comment,
        })),
      };
    },

    acknowledge(id, comment, { author, scope }) {
      const found = book.find(id);
      const visible = found && isVisibleInScope(found.transition, scope);
      const next = visible ? book.acknowledge(id, { author, comment }, now()) : undefined;
      if (!next) throw createError('PS_NOT_FOUND', { path: `alerts/${id}` });
      return viewOf(next, found?.value);
    },

    subscribe(scope, position, hear) {
      return journal.subscribe(position, (transition, position) => {
        if (isVisibleInScope(transition, scope)) hear({ position, alert: viewOf(transition) });
      });
    },
  };
}

function matchesFilter({ state, severity, rule, labels }: AlertView, filter: AlertFilter): boolean {
  const wants = (names: readonly string[] | undefined, name: string | undefined) =>
    names === undefined || (name !== undefined && names.includes(name));
  return (
    wants(filter.state, state) &&
    wants(filter.severity, severity) &&
    wants(filter.rule, rule) &&
    wants(filter.service, labels.service)
  );
}

type SilenceMethods = Pick<AlertService, 'listSilences' | 'createSilence' | 'endSilence'>;

/** Silences that somebody makes, and the maintenance windows of the rules file. */
function createSilenceMethods({ rulesFile: rules, silences, now }: AlertEvaluator): SilenceMethods {
  return {
    listSilences(scope) {
      const own = rules.ruleSet.maintenance.filter(({ organization, property }) =>
        isVisibleInScope({ organizationId: organization, propertyId: property }, scope),
      );
      return [...silences.listVisible(scope, now()), ...own].map(toSilenceView);
    },

    async createSilence(entry, tenant, { author, scope }) {
      const whose = resolveTenant(tenant, scope);
      return toSilenceView(await silences.create(parseSilence(entry), { author, ...whose }, now()));
    },

    async endSilence(id, { author, scope }) {
      return toSilenceView(await silences.end(id, author, scope, now()));
    },
  };
}

/**
 * Whose a silence is. Who is limited to one organization, or to one of its properties, need not
 * name it, and can name no other.
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

export function createAlertLookup(evaluator: AlertEvaluator, store: QueryClient): AlertLookup {
  const present = (transition: Transition, value?: number) =>
    toAlert(transition, evaluator.findRule(transition.rule), value);
  return {
    get isRestored() {
      return evaluator.isRestored;
    },
    find(id) {
      const live = evaluator.alertStates.find(id);
      return live && present(live.transition, live.value);
    },
    getSuppressions: (id) => evaluator.gate.getSuppressions(id),
    async findStored(id) {
      const [row] = await loadAlertRows(store, UNRESTRICTED_SCOPE, sql`id = ${id}`, 1);
      const transition = row && parseTransition(row);
      return transition && present(transition);
    },
  };
}
