import { type Labels, toReadableLabels } from '../../../core/alerts/alert.ts';
import { withTimeout } from '../../../core/concurrency.ts';
import { createError } from '../../../core/perfscope-error.ts';
import { getSeverityRank } from '../../../core/schema/enums.ts';
import { isVisibleInScope, type TenantScope } from '../../../core/tenant-scope.ts';
import { FORECAST_STATUSES } from '../../forecasts/forecast.ts';
import type { SubjectForecast } from '../../forecasts/forecast-monitor.ts';
import { toForecastLabels } from '../../forecasts/observe-forecasts.ts';
import type { AlertEvaluator } from '../alert-evaluator.ts';
import { toLabelsKey } from '../evaluation/observation.ts';
import type {
  ForecastAlertView,
  ForecastFilter,
  ForecastService,
  ForecastView,
} from './forecast-views.ts';

/** Time for which the first request waits for the first forecasts. */
const FIRST_REFRESH_MS = 10_000;

/** Creates the methods that list forecasts. */
export function createForecastMethods(evaluator: AlertEvaluator): ForecastService {
  const { forecasts: monitor, alertStates, now } = evaluator;

  /** Starts a refresh if it is due. Only the first one is awaited. */
  async function refresh(): Promise<void> {
    const done = monitor.refresh(now());
    if (monitor.refreshedMs === undefined) await withTimeout(FIRST_REFRESH_MS, done, () => {});
  }

  function listAlerts(): ReadonlyMap<string, ForecastAlertView> {
    const alerts = new Map<string, ForecastAlertView>();
    for (const { transition } of alertStates.listLive()) {
      const { id, rule, severity, labels, state } = transition;
      const isForecast = evaluator.findRule(rule)?.source.kind === 'forecast';
      if (!isForecast || state === 'pending') continue;
      const key = toLabelsKey(JSON.parse(labels) as Labels);
      const known = alerts.get(key);
      if (!known || getSeverityRank(severity) > getSeverityRank(known.severity)) {
        alerts.set(key, { id, rule, severity });
      }
    }
    return alerts;
  }

  return {
    async listForecasts(filter, scope) {
      await refresh();
      const alerts = listAlerts();
      const visible = monitor.list().filter((entry) => isForecastVisible(entry, scope));
      const { refreshedMs, error } = monitor;
      return {
        forecasts: visible
          .filter((entry) => matchesFilter(entry, filter))
          .map((entry) => toForecastView(entry, alerts, scope, now()))
          .sort(compareByUrgency),
        updatedAt: refreshedMs === undefined ? undefined : new Date(refreshedMs),
        // The text of a database error can contain names.
        problem: scope.organizations === 'all' ? error : undefined,
      };
    },

    async getForecast(id, scope) {
      await refresh();
      const entry = monitor.find(id);
      if (!entry || !isForecastVisible(entry, scope))
        throw createError('PS_NOT_FOUND', { item: 'forecast', id });
      const { history, points = [] } = entry.forecast;
      return {
        forecast: toForecastView(entry, listAlerts(), scope, now()),
        history: Array.from(history?.values ?? [], (value, i) => ({
          at: new Date((history?.startMs ?? 0) + i * (history?.stepMs ?? 0)),
          value,
        })),
        points: points.map(({ atMs, ...point }) => ({ at: new Date(atMs), ...point })),
      };
    },
  };
}

/** Hosts, pools, and queues don't belong to a tenant. Tenants see only their error budgets. */
function isForecastVisible({ subject }: SubjectForecast, scope: TenantScope): boolean {
  if (scope.hosts) return true;
  const { organization, property } = subject.labels;
  if (subject.kind !== 'errorBudget') return false;
  return isVisibleInScope({ organizationId: organization, propertyId: property }, scope);
}

function matchesFilter(
  { subject, forecast }: SubjectForecast,
  { kind, status, service, host }: ForecastFilter,
): boolean {
  const matches = (names: readonly string[] | undefined, name: string | undefined) =>
    names === undefined || (name !== undefined && names.includes(name));
  return (
    matches(kind, subject.kind) &&
    matches(status, forecast.status) &&
    matches(service, subject.labels.service) &&
    matches(host, subject.labels.host)
  );
}

function toForecastView(
  entry: SubjectForecast,
  alerts: ReadonlyMap<string, ForecastAlertView>,
  { hosts }: TenantScope,
  now: number,
): ForecastView {
  const { subject, forecast, limitReason, computedMs } = entry;
  const { expectedMs, waiting, horizonMs, status } = forecast;
  const toDate = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms));
  return {
    id: subject.id,
    kind: subject.kind,
    subject: subject.name,
    labels: hosts ? subject.labels : toReadableLabels(subject.labels),
    unit: subject.unit,
    status,
    reason: forecast.reason,
    value: forecast.value,
    limit: forecast.limit,
    limitReason,
    slopePerDay: forecast.slopePerDay,
    limitAt: toDate(expectedMs),
    earliestAt: toDate(forecast.earliestMs),
    latestAt: toDate(forecast.latestMs),
    timeToLimit:
      status === 'reached'
        ? 0
        : expectedMs === undefined
          ? undefined
          : Math.max(0, expectedMs - now),
    reliable: status === 'reached' || forecast.isReliable === true,
    method: forecast.method,
    horizon: horizonMs,
    errors: (forecast.errors ?? []).map(({ horizonMs: horizon, ...errors }) => ({
      horizon,
      ...errors,
    })),
    learnedFrom: toDate(forecast.learnedFromMs),
    learnedTo: toDate(forecast.learnedToMs),
    count: forecast.count,
    spikes: forecast.spikes,
    drops: forecast.drops,
    missing: waiting && Math.max(0, waiting.neededMs - waiting.haveMs),
    computedAt: new Date(computedMs),
    alert: alerts.get(toLabelsKey(toForecastLabels(entry))),
  };
}

function compareByUrgency(a: ForecastView, b: ForecastView): number {
  const time = ({ timeToLimit = Number.MAX_VALUE }: ForecastView) => timeToLimit;
  const usage = ({ value = 0, limit }: ForecastView) => (limit ? value / limit : 0);
  return (
    time(a) - time(b) ||
    FORECAST_STATUSES.indexOf(a.status) - FORECAST_STATUSES.indexOf(b.status) ||
    usage(b) - usage(a) ||
    (a.subject < b.subject ? -1 : 1)
  );
}
